"""SPARQL that a researcher can trust and an attacker cannot hurt."""
