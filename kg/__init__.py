"""What we hold, and who said so."""
