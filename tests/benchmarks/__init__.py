"""How fast, how small and how good we are, measured beside the stack that everyone would build."""
