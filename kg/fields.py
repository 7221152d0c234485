"""Which property holds which field of a record, and how its value is written: one table a class."""

from __future__ import annotations

from typing import NamedTuple

from kg import vocabulary as v


class Field(NamedTuple):
    """One field of a record: its name, its predicate, and how its value is written (`form`)."""

    name: str
    predicate: str
    form: str


ACTOR = (
    Field("id", v.DCT + "identifier", "plain"),
    Field("name", v.SKOS + "prefLabel", "plain"),
    Field("country", v.SCHEMA + "addressCountry", "plain"),
    Field("nuts", v.NS + "nuts", "nuts"),
    Field("city", v.SCHEMA + "addressLocality", "plain"),
    Field("latitude", v.WGS84 + "lat", "decimal"),
    Field("longitude", v.WGS84 + "long", "decimal"),
    Field("size", v.NS + "size", "size"),
    Field("identifiers", v.SCHEMA + "identifier", "plain*"),
    Field("website", v.FOAF + "homepage", "iri"),
    Field("descriptions", v.DCT + "description", "text*"),
    Field("makes", v.NS + "makes", "text*"),
    Field("processes", v.NS + "process", "text*"),
    Field("certifications", v.NS + "certification", "text*"),
    Field("sectors", v.NS + "sector", "text*"),
    Field("clusters", v.ORG + "memberOf", "sibling*"),
    Field("network", v.NS + "network", "plain"),
    Field("codes", v.NS + "code", "code*"),
)
EVIDENCE = (
    Field("title", v.DCT + "title", "spoken"),
    Field("text", v.NS + "quote", "spoken"),
    Field("lang", v.DCT + "language", "plain"),
    Field("date", v.DCT + "date", "date"),
    Field("buyer", v.NS + "buyer", "plain"),
    Field("source", v.NS + "reportedBy", "plain"),
    Field("url", v.DCT + "source", "iri"),
    Field("status", v.NS + "status", "plain"),
    Field("codes", v.NS + "code", "code*"),
)
EXCHANGE = (
    Field("id", v.DCT + "identifier", "plain"),
    Field("what", v.NS + "what", "text"),
    Field("actor", v.NS + "actor", "sibling"),
    Field("who", v.NS + "who", "plain"),
    Field("quantity", v.NS + "quantity", "plain"),
    Field("unit", v.NS + "unit", "plain"),
    Field("place", v.NS + "place", "plain"),
    Field("period", v.NS + "period", "plain"),
    Field("note", v.RDFS + "comment", "plain"),
    Field("date", v.DCT + "date", "date"),
    Field("url", v.DCT + "source", "iri"),
)
RECIPE = (
    Field("id", v.DCT + "identifier", "plain"),
    Field("product", v.NS + "product", "text"),
)
STEP = (
    Field("kind", v.NS + "stepKind", "plain"),
    Field("what", v.NS + "what", "text"),
    Field("standard", v.NS + "standard", "plain"),
    Field("note", v.RDFS + "comment", "plain"),
    Field("url", v.DCT + "source", "iri"),
)
CLAIM = (
    Field("id", v.DCT + "identifier", "plain"),
    Field("subject", v.NS + "about", "subject"),
    Field("kind", v.NS + "claimKind", "plain"),
    Field("text", v.NS + "statement", "text"),
    Field("measure", v.NS + "measure", "plain"),
    Field("value", v.NS + "value", "number"),
    Field("said_by", v.NS + "saidBy", "plain"),
    Field("date", v.DCT + "date", "date"),
    Field("url", v.DCT + "source", "iri"),
)
SOURCE = (
    Field("id", v.DCT + "identifier", "plain"),
    Field("title", v.DCT + "title", "plain"),
    Field("publisher", v.DCT + "publisher", "plain"),
    Field("licence", v.DCT + "license", "iri-or-plain"),
    Field("url", v.DCAT + "landingPage", "iri"),
    Field("issued", v.DCT + "issued", "date"),
    Field("namespace", v.NS + "namespace", "plain"),
    Field("public", v.NS + "public", "boolean"),
    Field("origin", v.PROV + "hadPrimarySource", "iri"),
    Field("harvested_from", v.DCT + "source", "iri"),
    Field("attribution", v.NS + "attribution", "plain"),
)
CONCEPT = (
    Field("notation", v.SKOS + "notation", "plain"),
    Field("preferred", v.SKOS + "prefLabel", "text*"),
    Field("alternative", v.SKOS + "altLabel", "text*"),
    Field("hidden", v.SKOS + "hiddenLabel", "text*"),
    Field("broader", v.SKOS + "broader", "iri*"),
    Field("related", v.SKOS + "related", "iri*"),
    Field("inputs", v.NS + "hasInput", "iri*"),
    Field("processes", v.NS + "madeBy", "iri*"),
    Field("packaging", v.NS + "packagedIn", "iri*"),
    Field("standards", v.NS + "testedUnder", "iri*"),
    Field("substitutes", v.NS + "substituteFor", "iri*"),
    Field("convertible_to", v.NS + "convertibleTo", "iri*"),
    Field("latitude", v.WGS84 + "lat", "decimal"),
    Field("longitude", v.WGS84 + "long", "decimal"),
)
DECISION = (
    Field("id", v.DCT + "identifier", "plain"),
    Field("actor", v.NS + "actor", "iri"),
    Field("competency", v.NS + "concerns", "iri"),
    Field("verdict", v.NS + "verdict", "plain"),
    Field("who", v.NS + "decidedBy", "plain"),
    Field("date", v.DCT + "date", "date"),
    Field("note", v.RDFS + "comment", "plain"),
)
IDENTITY = (
    Field("id", v.DCT + "identifier", "plain"),
    Field("actors", v.NS + "actor", "iri*"),
    Field("verdict", v.NS + "verdict", "plain"),
    Field("by", v.NS + "madeWith", "plain"),
    Field("probability", v.NS + "probability", "decimal"),
    Field("because", v.NS + "because", "plain*"),
    Field("who", v.NS + "decidedBy", "plain"),
    Field("date", v.DCT + "date", "date"),
    Field("note", v.RDFS + "comment", "plain"),
)
ERASURE = (
    Field("id", v.DCT + "identifier", "plain"),
    Field("date", v.DCT + "date", "date"),
    Field("reason", v.RDFS + "comment", "plain"),
    Field("sources", v.NS + "erasedFrom", "plain*"),
)
