"""Pages rendered on the server; they need no script."""
