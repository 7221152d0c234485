"""The catalogue of a node: its sources as datasets, each with a dump and a feed, and the services that answer for them.

Source of the terms: DCAT 3 (W3C) and DCAT-AP 3.0.1 (SEMIC), whose code lists are those of the Publications Office.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from kg import vocabulary as v
from kg.federation.layout import Layout
from kg.federation.node import Node, Published
from kg.said import Said, times
from kg.terms import Statement, Term, iri, literal

PREFIXES = {
    "dcat": v.DCAT, "dct": v.DCT, "foaf": v.FOAF, "prov": v.PROV, "rdf": v.RDF, "rdfs": v.RDFS, "skos": v.SKOS,
    "spdx": v.SPDX, "vcard": v.VCARD, "dcatap": v.DCATAP, "owl": v.OWL, "xsd": v.XSD,
}  # fmt: skip
_KEYWORDS = {
    "en": ("industrial clusters", "firms", "competencies"),
    "fr": ("pôles de compétitivité", "entreprises", "compétences"),
}
_THEMES = {"ECON": {"en": "Economy and finance", "fr": "Économie et finances"}}
_LDES = "https://w3id.org/ldes/specification"
_MODEL = v.NS.removesuffix("#")
_SERVICES = {  # name → title, description, what it keeps to and its name, where it describes itself
    "sparql": (
        {"en": "SPARQL 1.1 queries", "fr": "Requêtes SPARQL 1.1"},
        {"en": "Questions to the graph of all sources.", "fr": "Questions au graphe de toutes les sources."},
        ("https://www.w3.org/TR/sparql11-protocol/", "SPARQL 1.1 Protocol"), "sparql",
    ),
    "search": (
        {"en": "Search by need", "fr": "Recherche par besoin"},
        {
            "en": "Who can meet a need written in any European language, with the reasons.",
            "fr": "Qui peut répondre à un besoin écrit dans une langue européenne, et pourquoi.",
        },
        ("https://spec.openapis.org/oas/v3.1.0", "OpenAPI Specification 3.1"), "openapi.json",
    ),
    "reconcile": (
        {"en": "Reconciliation API", "fr": "API de réconciliation"},
        {
            "en": "The actors and competencies that the cells of a table mean, for OpenRefine and others.",
            "fr": "Les acteurs et compétences que désignent les cellules d'un tableau, pour OpenRefine et d'autres.",
        },
        ("https://reconciliation-api.github.io/specs/0.2/", "Reconciliation Service API 0.2"), "reconcile",
    ),
}  # fmt: skip


def catalog(
    node: Node, at: Layout, issued: str = "", countries: Mapping[str, Sequence[str]] | None = None
) -> list[Statement]:
    """The catalogue of a node as it is laid out; `countries` are ISO 3166-1 alpha-3 codes, by source.

    `issued` is when the first of its data was written.
    """
    said, where = Said(), countries or {}
    here = at.catalog
    said.type(here, v.DCAT + "Catalog")
    said.say(here, v.DCT + "title", literal(node.title or "Filière"))
    said.say(
        here, v.DCT + "description",
        literal("What this node publishes of clusters, firms and their competencies.", "en"),
        literal("Ce que ce nœud publie des pôles, des entreprises et de leurs compétences.", "fr"),
    )  # fmt: skip
    said.say(here, v.DCT + "publisher", _agent(said, at, node.publisher or node.title or "Filière"))
    said.say(
        here,
        v.DCT + "language",
        *(_listed(said, "language", code, v.DCT + "LinguisticSystem") for code in ("ENG", "FRA")),
    )
    said.say(here, v.DCT + "issued", *times(issued))
    said.say(here, v.DCT + "modified", *times(max((source.as_of for source in node.sources), default="")))
    said.say(here, v.DCT + "spatial", *(_country(said, code) for code in sorted(set().union(*where.values()))))
    themes = v.AUTHORITY + "data-theme"
    said.say(here, v.DCAT + "themeTaxonomy", iri(themes))
    said.type(themes, v.SKOS + "ConceptScheme")
    said.say(themes, v.DCT + "title", literal("Data theme", "en"))
    said.say(here, v.FOAF + "homepage", iri(node.node))
    said.type(node.node, v.FOAF + "Document")
    said.say(
        here, v.RDFS + "seeAlso", *(iri(address) for address in (at.node, node.endpoints.get("void", "")) if address)
    )
    for source in node.sources:
        _say_dataset(said, node, at, source, where.get(source.id, ()))
    for name in _SERVICES:
        if name in node.endpoints:
            _say_service(said, node, at, name)
    return said.by_subject()


def _say_dataset(said: Said, node: Node, at: Layout, source: Published, countries: Sequence[str]) -> None:
    here, title = at.dataset(source.id), source.title or source.id
    said.say(at.catalog, v.DCAT + "dataset", iri(here))
    said.type(here, v.DCAT + "Dataset")
    said.say(here, v.DCT + "title", literal(title))
    said.say(here, v.DCT + "description", *_description(source, title))
    said.say(here, v.DCT + "identifier", literal(source.id))
    said.say(here, v.DCT + "publisher", _agent(said, at, source.publisher or node.publisher or node.title or "Filière"))
    said.say(here, v.DCT + "issued", *times(source.issued))
    said.say(here, v.DCT + "modified", *times(source.as_of))
    said.say(here, v.DCAT + "version", literal(str(source.seq)))
    said.say(here, v.DCT + "accessRights", _listed(said, "access-right", "PUBLIC", v.DCT + "RightsStatement"))
    said.say(here, v.DCT + "spatial", *(_country(said, code) for code in countries))
    said.say(here, v.DCT + "conformsTo", _standard(said, _MODEL, "Filière"))
    _say_subject(said, here)
    _say_contact(said, node, at, here)
    if source.url:
        said.say(here, v.DCAT + "landingPage", iri(source.url))
        said.type(source.url, v.FOAF + "Document")
    if source.attribution:
        said.say(here, v.NS + "attribution", literal(source.attribution))
    if source.origin != here:
        statement = f"{at.catalog}#provenance/{source.id}"
        said.say(here, v.PROV + "wasDerivedFrom", iri(source.origin))
        said.say(here, v.DCT + "provenance", iri(statement))
        said.type(statement, v.DCT + "ProvenanceStatement")
        said.say(statement, v.RDFS + "label", literal(f"Harvested; first published as {source.origin}", "en"))
    _say_feed(said, at, source, here)
    _say_dump(said, at, source, here)


def _description(source: Published, title: str) -> tuple[Term, Term]:
    by = f" ({source.publisher})" if source.publisher else ""
    return (
        literal(f"{title}{by}: {source.entities:,} records of actors, their offers, needs or competencies.", "en"),
        literal(f"{title}{by} : {source.entities} fiches d'acteurs, de leurs offres, besoins ou compétences.", "fr"),
    )


def _say_distribution(said: Said, at: Layout, source: Published, dataset: str, kind: str, address: str) -> str:
    """What a dump and a feed have in common; the distribution's IRI."""
    here = f"{at.catalog}#{kind}/{source.id}"
    said.say(dataset, v.DCAT + "distribution", iri(here))
    said.type(here, v.DCAT + "Distribution")
    said.say(here, v.DCAT + "accessURL", iri(address))
    said.say(here, v.DCT + "modified", *times(source.as_of))
    available = _listed(said, "planned-availability", "AVAILABLE", v.SKOS + "Concept")
    said.say(v.AUTHORITY + "planned-availability/AVAILABLE", v.SKOS + "prefLabel", literal("available", "en"))
    said.say(here, v.DCATAP + "availability", available)
    if source.licence.startswith(("http://", "https://")):
        said.say(here, v.DCT + "license", iri(source.licence))
        said.type(source.licence, v.DCT + "LicenseDocument")
    elif source.licence:
        rights = f"{at.catalog}#rights/{source.id}"
        said.say(here, v.DCT + "rights", iri(rights))
        said.type(rights, v.DCT + "RightsStatement")
        said.say(rights, v.RDFS + "label", literal(source.licence))
    return here


def _say_feed(said: Said, at: Layout, source: Published, dataset: str) -> None:
    here = _say_distribution(said, at, source, dataset, "feed", source.feed)
    said.say(
        here,
        v.DCT + "title",
        literal("Every change, as an event stream", "en"),
        literal("Chaque changement, en flux", "fr"),
    )
    said.say(here, v.DCT + "description", literal("A Linked Data Event Stream, deletions included.", "en"))
    said.say(here, v.DCT + "format", _listed(said, "file-type", "RDF_TURTLE", v.DCT + "MediaTypeOrExtent"))
    said.say(here, v.DCAT + "mediaType", _media(said, "text/turtle"))
    said.say(here, v.DCT + "conformsTo", _standard(said, _LDES, "Linked Data Event Streams 1.0"))


def _say_dump(said: Said, at: Layout, source: Published, dataset: str) -> None:
    if source.dump is None:
        return
    here = _say_distribution(said, at, source, dataset, "dump", source.dump.url)
    said.say(here, v.DCT + "title", literal("All of it, in one file", "en"), literal("Le tout, en un fichier", "fr"))
    said.say(
        here,
        v.DCT + "description",
        literal(f"Sorted N-Triples, {source.dump.triples:,} of them, packed with gzip.", "en"),
    )
    said.say(here, v.DCAT + "downloadURL", iri(source.dump.url))
    said.say(here, v.DCT + "format", _listed(said, "file-type", "RDF_N_TRIPLES", v.DCT + "MediaTypeOrExtent"))
    said.say(here, v.DCAT + "mediaType", _media(said, "application/n-triples"))
    said.say(here, v.DCAT + "compressFormat", _media(said, "application/gzip"))
    said.say(here, v.DCAT + "byteSize", literal(str(source.dump.bytes), datatype=v.XSD + "nonNegativeInteger"))
    checksum = f"{here}/sha256"
    said.say(here, v.SPDX + "checksum", iri(checksum))
    said.type(checksum, v.SPDX + "Checksum")
    # SPDX writes its terms with http; the shape for code lists asks for https here alone.
    algorithm = v.SPDX.replace("http:", "https:") + "checksumAlgorithm_sha256"
    said.say(checksum, v.SPDX + "algorithm", iri(algorithm))
    said.type(algorithm, v.SPDX + "ChecksumAlgorithm")
    said.say(algorithm, v.OWL + "sameAs", iri(v.SPDX + "checksumAlgorithm_sha256"))
    said.say(checksum, v.SPDX + "checksumValue", literal(source.dump.sha256, datatype=v.XSD + "hexBinary"))


def _say_service(said: Said, node: Node, at: Layout, name: str) -> None:
    title, description, standard, described = _SERVICES[name]
    here = f"{at.catalog}#{name}"
    said.say(at.catalog, v.DCAT + "service", iri(here))
    said.type(here, v.DCAT + "DataService")
    said.say(here, v.DCT + "title", *(literal(text, lang) for lang, text in title.items()))
    said.say(here, v.DCT + "description", *(literal(text, lang) for lang, text in description.items()))
    said.say(here, v.DCAT + "endpointURL", iri(node.endpoints[name]))
    said.say(here, v.DCAT + "endpointDescription", iri(at.base + described))
    said.say(here, v.DCT + "conformsTo", _standard(said, *standard))
    said.say(here, v.DCT + "publisher", _agent(said, at, node.publisher or node.title or "Filière"))
    said.say(here, v.DCAT + "servesDataset", *(iri(at.dataset(source.id)) for source in node.sources))
    _say_subject(said, here)
    _say_contact(said, node, at, here)


def _say_subject(said: Said, here: str) -> None:
    said.say(here, v.DCAT + "keyword", *(literal(word, lang) for lang, words in _KEYWORDS.items() for word in words))
    for code, names in _THEMES.items():
        theme = v.AUTHORITY + "data-theme/" + code
        said.say(here, v.DCAT + "theme", _listed(said, "data-theme", code, v.SKOS + "Concept"))
        said.say(theme, v.SKOS + "prefLabel", *(literal(text, lang) for lang, text in names.items()))


def _say_contact(said: Said, node: Node, at: Layout, here: str) -> None:
    """The page where the operator can be reached, where one is set."""
    if node.contact:
        contact = f"{at.catalog}#contact"
        said.say(here, v.DCAT + "contactPoint", iri(contact))
        said.type(contact, v.VCARD + "Kind", v.VCARD + "Organization")
        said.say(contact, v.VCARD + "fn", literal(node.publisher or node.title or "Filière"))
        said.say(contact, v.VCARD + "hasURL", iri(node.contact))


def _agent(said: Said, at: Layout, name: str) -> Term:
    agent = f"{at.catalog}#publisher/{quote(name, safe='')}"
    said.type(agent, v.FOAF + "Agent")
    said.say(agent, v.FOAF + "name", literal(name))
    return iri(agent)


def _listed(said: Said, scheme: str, code: str, cls: str) -> Term:
    """A term of one of the code lists, of the class that its use asks for."""
    term = f"{v.AUTHORITY}{scheme}/{code}"
    said.type(term, cls)
    said.say(term, v.SKOS + "inScheme", iri(v.AUTHORITY + scheme))
    return iri(term)


def _country(said: Said, code: str) -> Term:
    return _listed(said, "country", code, v.DCT + "Location")


def _media(said: Said, name: str) -> Term:
    said.type(v.IANA + name, v.DCT + "MediaType")
    return iri(v.IANA + name)


def _standard(said: Said, address: str, title: str) -> Term:
    said.type(address, v.DCT + "Standard")
    said.say(address, v.DCT + "title", literal(title))
    return iri(address)
