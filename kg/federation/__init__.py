"""Associations that do not wait for each other: publish, harvest, guard, live search."""
