"""The doors: HTTP, SPARQL protocol, web pages, command line."""
