"""Which actors of several sources are the same: identifiers, names, blocking, linkage, and what was decided."""
