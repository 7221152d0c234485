"""The W3C's SPARQL 1.1 tests, run over HTTP against a served process."""
