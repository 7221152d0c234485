"""Outside formats to entities, one module a format."""
