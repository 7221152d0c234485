"""The only module that spells IRIs; it opens the files of ontology/ and names the culprit when one is wrong."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote

from kg.errors import OntologyError, RefusedInput

BASE = "https://w3id.org/filiere/"
NS = BASE + "ns#"
COMPETENCY = BASE + "competency/"
SCHEME = BASE + "scheme/"
GRAPH = BASE + "graph/"
EXAMPLE = BASE + "example/"
SYSTEM_GRAPH = GRAPH + "system"
PACKAGED = "filiere"  # the source that holds what ontology/ says
DECISIONS = "decisions"  # the source that holds what persons decided on tags
SUGGESTED = "suggested"  # no source: the graph of the tags that the index computed
SUGGESTED_GRAPH = GRAPH + SUGGESTED
HARVESTS = "harvests"  # the source that holds one PROV activity a harvest that changed something
IDENTITIES = "identities"  # the source that holds what was decided on which actors are the same
ERASURES = "erasures"  # the source that holds hashes of what was erased, so that it does not come back
DEFAULT = "default"  # the source that updates write to when they name no graph
OURS = (PACKAGED, DECISIONS, HARVESTS, IDENTITIES, ERASURES)  # sources that Filière itself writes
RESERVED = ("system", "union", "peers", *OURS, SUGGESTED, DEFAULT)  # no file may be imported under these names
GENID = BASE + ".well-known/genid/"  # IRIs that stand for blank nodes in the journal: RDF 1.1 Concepts, section 3.5

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
XSD = "http://www.w3.org/2001/XMLSchema#"
OWL = "http://www.w3.org/2002/07/owl#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
DCT = "http://purl.org/dc/terms/"
DCAT = "http://www.w3.org/ns/dcat#"
PROV = "http://www.w3.org/ns/prov#"
ORG = "http://www.w3.org/ns/org#"
FOAF = "http://xmlns.com/foaf/0.1/"
SCHEMA = "https://schema.org/"
GEO = "http://www.opengis.net/ont/geosparql#"
WGS84 = "http://www.w3.org/2003/01/geo/wgs84_pos#"
SHACL = "http://www.w3.org/ns/shacl#"
EPO = "http://data.europa.eu/a4g/ontology#"
NUTS = "http://data.europa.eu/nuts/code/"
VOID = "http://rdfs.org/ns/void#"
SD = "http://www.w3.org/ns/sparql-service-description#"
FORMATS = "http://www.w3.org/ns/formats/"
TREE = "https://w3id.org/tree#"
LDES = "https://w3id.org/ldes#"
VCARD = "http://www.w3.org/2006/vcard/ns#"
SPDX = "http://spdx.org/rdf/terms#"
DCATAP = "http://data.europa.eu/r5r/"
AUTHORITY = "http://publications.europa.eu/resource/authority/"  # code lists of the Publications Office
IANA = "https://www.iana.org/assignments/media-types/"
ACTIVITIES = "https://www.w3.org/ns/activitystreams#"
SPEX = "https://purl.expasy.org/sparql-examples/ontology#"  # what SHACL has no term for: DESCRIBE, endpoints reached

TYPE = RDF + "type"
PREFIXES = {
    "fil": NS,
    "c": COMPETENCY,
    "scheme": SCHEME,
    "rdf": RDF,
    "rdfs": RDFS,
    "xsd": XSD,
    "owl": OWL,
    "skos": SKOS,
    "dct": DCT,
    "dcat": DCAT,
    "prov": PROV,
    "org": ORG,
    "foaf": FOAF,
    "schema": SCHEMA,
    "geo": GEO,
    "wgs84": WGS84,
    "sh": SHACL,
    "void": VOID,
    "sd": SD,
    "spex": SPEX,
    "epo": EPO,
    "nuts": NUTS,
    "cpv": "http://data.europa.eu/cpv/cpv/",
    "nace": "http://data.europa.eu/ux2/nace2/",
}

# Codes of well-known vocabularies keep their publishers' IRIs; any other scheme gets one below SCHEME.
CODE_PREFIXES = {
    "cpv": "http://data.europa.eu/cpv/cpv/",
    "nace": "http://data.europa.eu/ux2/nace2/",
    "esco": "http://data.europa.eu/esco/skill/",
    "nuts": NUTS,
    "competencies": COMPETENCY,
}
REGIONS = ("nuts",)  # schemes of places: nobody makes or needs one, so they take no part in matching
_CODE = re.compile(r"^([a-z][a-z0-9_-]{0,39}):(.{1,80})$", re.IGNORECASE)
_SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

ACTOR_CLASSES = {
    "firm": NS + "Firm",
    "cluster": NS + "Cluster",
    "lab": NS + "Lab",
    "association": NS + "Association",
    "public": NS + "PublicBody",
}
COMPETENCY_CLASSES = {
    "product": NS + "Product",
    "material": NS + "Material",
    "process": NS + "Process",
    "service": NS + "Service",
    "equipment": NS + "Equipment",
    "standard": NS + "Standard",
    "value-chain": NS + "ValueChain",
}
EXCHANGE_CLASSES = {"offer": NS + "Offer", "need": NS + "Need"}


def source_graph(source: str) -> str:
    """The named graph that holds what `source` says; also the IRI of the source itself as a dcat:Dataset.

    A graph of another name than ours is a source too, by its whole IRI.
    """
    return source if ":" in source else GRAPH + source


def source_of(graph: str) -> str:
    """The source that a named graph belongs to: the other way round."""
    name = graph.removeprefix(GRAPH)
    return name if name != graph and _SOURCE_NAME.fullmatch(name) else graph


def source_namespace(source: str) -> str:
    """The IRI prefix a source speaks about when it declares none."""
    return f"{BASE}id/{source}/"


def is_source_namespace(space: str) -> bool:
    """Whether an IRI prefix is what `source_namespace` gives for a name that a file may be imported under."""
    name = space.removeprefix(f"{BASE}id/").removesuffix("/")
    return space == source_namespace(name) and bool(_SOURCE_NAME.fullmatch(name)) and name not in RESERVED


def check_source_name(source: str) -> str:
    """The name back, or RefusedInput: lower-case letters, digits, `.`, `_`, `-`, at most 64 characters."""
    if not _SOURCE_NAME.fullmatch(source) or source in RESERVED:
        raise RefusedInput(
            f"{source[:80]!r} cannot be the name of a source.",
            "Use at most 64 lower-case letters, digits, '.', '_' and '-', beginning with a letter or digit"
            + (" (that name is reserved)." if source in RESERVED else "."),
        )
    return source


def mint(namespace: str, room: str, local: str) -> str:
    """The IRI of a record: namespace + room ("actor", "offer", "need", "recipe", "claim") + its id, percent-encoded."""
    return f"{namespace}{room}/{quote(local, safe='')}"


def local_name(iri: str) -> str:
    """What follows the last `/` or `#` of an IRI, percent-decoded."""
    return unquote(re.split(r"[/#]", iri.rstrip("/#"))[-1])


def normal_code(code: str) -> str | None:
    """`scheme:notation` in its stored form (NACE without dots, CPV without check digit), or None if it is no code."""
    match = _CODE.match(code.strip())
    if match is None:
        return None
    scheme, notation = match.group(1).lower(), match.group(2).strip()
    if scheme == "cpv":
        notation = re.sub(r"-\d$", "", notation.replace(" ", ""))
        if not re.fullmatch(r"\d{8}", notation):
            return None
    elif scheme == "nace":
        notation = notation.replace(".", "").upper()
    return f"{scheme}:{notation}"


def code_iri(code: str) -> str:
    """The IRI of `scheme:notation`."""
    scheme, _, notation = code.partition(":")
    return concept_namespace(scheme) + quote(notation, safe="")


def concept_namespace(scheme: str) -> str:
    """The IRI prefix of a scheme's concepts: its publisher's where known, else one below SCHEME."""
    return CODE_PREFIXES.get(scheme, f"{SCHEME}{scheme}/")


def code_of(iri: str) -> str:
    """`scheme:notation` for a code's IRI; the IRI itself when it belongs to no known scheme."""
    for scheme, prefix in CODE_PREFIXES.items():
        if iri.startswith(prefix):
            return f"{scheme}:{unquote(iri[len(prefix) :])}"
    if iri.startswith(SCHEME):
        scheme, _, notation = iri[len(SCHEME) :].partition("/")
        if notation:
            return f"{scheme}:{unquote(notation)}"
    return iri


@cache
def ontology_folder() -> Path:
    """The folder of the packaged ontology."""
    folder = Path(__file__).resolve().parent.parent / "ontology"
    if not (folder / "filiere.ttl").is_file():
        raise OntologyError(f"The ontology is not where the package expects it ({folder}).", "Install filiere again.")
    return folder
