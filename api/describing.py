"""What the service and its data say of themselves, as statements.

Sources of the terms: SPARQL 1.1 Service Description (W3C, 2013) and Describing Linked Datasets with VoID (W3C, 2011).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from importlib.util import find_spec
from urllib.parse import quote

from api.publishing import is_published
from api.reader import Reader, SourceStatus
from api.settings import Settings
from api.statistics import TARGETS, Counts
from kg import vocabulary as v
from kg.federation.layout import Layout
from kg.rdf import MEDIA_TYPES
from kg.said import Said, times
from kg.sparql.formats import GRAPHS, SOLUTIONS
from kg.terms import Statement, Term, iri, literal

_SUMMARY = {
    "en": "Who can make, supply or do what we need, and how do we know?",
    "fr": "Qui peut fabriquer, fournir ou faire ce qu'il nous faut, et comment le sait-on ?",
}
_FORMATS = {  # short name of kg/sparql/formats.py → name among the W3C's format IRIs
    **{"json": "SPARQL_Results_JSON", "xml": "SPARQL_Results_XML", "csv": "SPARQL_Results_CSV"},
    **{"tsv": "SPARQL_Results_TSV", "ttl": "Turtle", "nt": "N-Triples", "rdf": "RDF_XML", "jsonld": "JSON-LD"},
    **{"trig": "TriG", "nq": "N-Quads"},
}
_SIMPLE = "http://www.w3.org/ns/entailment/Simple"
_TARGET_NAMES = {
    "cpv": "Common Procurement Vocabulary",
    "nace": "NACE Rev. 2, statistical classification of economic activities",
    "esco": "European Skills, Competences, Qualifications and Occupations",
    "nuts": "Nomenclature of territorial units for statistics",
}


def service_description(
    engine: Reader, settings: Settings, base_url: str, counts: Counts, *, updates: bool = False
) -> list[Statement]:
    """The SPARQL service below `base_url` (which ends with /): languages, formats, features, functions, graphs.

    Only what is true is said: federation where endpoints are allowed, updates where the caller says so.
    """
    said, endpoint = Said(), base_url + "sparql"
    said.type(endpoint, v.SD + "Service")
    said.say(endpoint, v.SD + "endpoint", iri(endpoint))
    said.say(endpoint, v.SD + "supportedLanguage", iri(v.SD + "SPARQL11Query"))
    if updates:
        said.say(endpoint, v.SD + "supportedLanguage", iri(v.SD + "SPARQL11Update"))
    said.say(endpoint, v.SD + "feature", iri(v.SD + "UnionDefaultGraph"))
    said.say(endpoint, v.SD + "propertyFeature", iri(v.NS + "need"))
    if getattr(settings, "services", ""):
        said.say(endpoint, v.SD + "feature", iri(v.SD + "BasicFederatedQuery"))
    said.say(endpoint, v.SD + "defaultEntailmentRegime", iri(_SIMPLE))
    results = dict.fromkeys([*SOLUTIONS.values(), *GRAPHS.values()])
    said.say(endpoint, v.SD + "resultFormat", *(iri(v.FORMATS + _FORMATS[short]) for short in results))
    inputs = dict.fromkeys(GRAPHS[media] for media in MEDIA_TYPES)
    said.say(endpoint, v.SD + "inputFormat", *(iri(v.FORMATS + _FORMATS[short]) for short in inputs))
    for function in _functions():
        said.type(function, v.SD + "Function")
        said.say(endpoint, v.SD + "extensionFunction", iri(function))
    _say_graphs(said, endpoint, {v.source_graph(source.id) for source in engine.sources()}, counts)
    said.say(endpoint, v.RDFS + "seeAlso", iri(base_url + ".well-known/void"), iri(base_url + "sparql/examples"))
    return said.by_subject()


def _functions() -> list[str]:
    """IRIs of the functions beyond SPARQL's own that the engine knows."""
    if find_spec("kg.geo") is None:
        return []
    names = importlib.import_module("kg.geo").functions()
    return sorted(str(getattr(name, "value", name)) for name in names)  # as IRIs, or as terms of the engine


def _say_graphs(said: Said, endpoint: str, sources: set[str], counts: Counts) -> None:
    """The dataset of the service: the union as its default graph, and every named graph with its size."""
    dataset, union = endpoint + "#dataset", endpoint + "#union"
    said.say(endpoint, v.SD + "defaultDataset", iri(dataset))
    said.type(dataset, v.SD + "Dataset")
    said.say(dataset, v.SD + "defaultGraph", iri(union))
    said.type(union, v.SD + "Graph", v.VOID + "Dataset")
    _say_sizes(said, union, counts.triples, counts.number("entities"))
    said.number(union, v.VOID + "distinctSubjects", counts.number("subjects"))
    said.number(union, v.VOID + "distinctObjects", counts.number("objects"))
    for graph in sorted(sources | set(counts.graphs())):
        named = f"{endpoint}#graph/{graph.removeprefix(v.GRAPH)}"
        said.say(dataset, v.SD + "namedGraph", iri(named))
        said.type(named, v.SD + "NamedGraph")
        said.say(named, v.SD + "name", iri(graph))
        said.say(named, v.SD + "graph", iri(graph))  # the graph's IRI is also that of the source as a dcat:Dataset
        said.type(graph, v.SD + "Graph", v.VOID + "Dataset", *([v.DCAT + "Dataset"] if graph in sources else []))
        _say_sizes(said, graph, counts.triples_of(graph), None)


def _say_sizes(said: Said, subject: str, triples: int | None, entities: int | None) -> None:
    said.number(subject, v.VOID + "triples", triples)
    said.number(subject, v.VOID + "entities", entities)


def void(engine: Reader, base_url: str, counts: Counts) -> list[Statement]:
    """The dataset served below `base_url` (which ends with /), each source as a subset, and links to other data.

    Private sources are left out.
    """
    said, at = Said(), Layout(base_url)
    document = at.void
    dataset, sources = document + "#dataset", [source for source in engine.sources() if source.public]
    said.type(document, v.VOID + "DatasetDescription")
    said.say(document, v.DCT + "title", literal("What is in Filière, in numbers", "en"))
    said.say(document, v.FOAF + "primaryTopic", iri(dataset))
    said.say(document, v.FOAF + "topic", iri(dataset), *(iri(v.source_graph(source.id)) for source in sources))
    said.type(dataset, v.VOID + "Dataset", v.DCAT + "Dataset")
    said.say(dataset, v.DCT + "title", literal("Filière"))
    said.say(dataset, v.DCT + "description", *(literal(text, lang) for lang, text in _SUMMARY.items()))
    said.say(dataset, v.FOAF + "homepage", iri(base_url))
    said.say(dataset, v.DCT + "subject", iri(v.NS + "Actor"), iri(v.NS + "Competency"), iri(v.NS + "Evidence"))
    said.say(dataset, v.VOID + "sparqlEndpoint", iri(base_url + "sparql"))
    said.say(dataset, v.VOID + "uriSpace", literal(v.BASE))
    roots = ("competencies", "nace", "kinds", "sizes")
    said.say(dataset, v.VOID + "rootResource", *(iri(v.SCHEME + name) for name in roots))
    hidden = tuple(source.namespace for source in engine.sources() if not source.public)
    shown = [v.COMPETENCY + "hydroalcoholic-gel", *(name for name in counts.examples() if not name.startswith(hidden))]
    said.say(dataset, v.VOID + "exampleResource", *map(iri, shown))
    said.say(dataset, v.VOID + "feature", *(iri(v.FORMATS + _FORMATS[form]) for form in ("ttl", "nt", "rdf", "jsonld")))
    said.say(dataset, v.DCT + "modified", *times(max((source.as_of for source in sources), default="")))
    _say_sizes(said, dataset, counts.triples, counts.number("entities"))
    said.number(dataset, v.VOID + "distinctSubjects", counts.number("subjects"))
    said.number(dataset, v.VOID + "distinctObjects", counts.number("objects"))
    _say_partitions(said, dataset, document, counts.by_key("classes"), counts.by_key("properties"))
    said.say(dataset, v.VOID + "vocabulary", *_vocabularies(counts))
    said.say(dataset, v.RDFS + "seeAlso", iri(at.catalog), iri(at.node), iri(at.feeds))
    for source in sources:
        _say_source(said, dataset, document, source, counts)
        if is_published(source):
            graph = v.source_graph(source.id)
            said.say(graph, v.VOID + "dataDump", iri(at.dump(source.id)))
            said.say(graph, v.RDFS + "seeAlso", iri(at.feed(source.id)), iri(at.dataset(source.id)))
    _say_suggested(said, dataset, document, counts)
    _say_links(said, dataset, document, counts)
    return said.by_subject()


def _say_partitions(
    said: Said, dataset: str, document: str, classes: dict[str, int], properties: dict[str, int]
) -> None:
    place = f"{document}#{quote(v.local_name(dataset), safe='')}"
    for cls, count in classes.items():
        part = f"{place}/class/{_short(cls)}"
        said.say(dataset, v.VOID + "classPartition", iri(part))
        said.type(part, v.VOID + "Dataset")
        said.say(part, v.VOID + "class", iri(cls))
        said.number(part, v.VOID + "entities", count)
    for name, count in properties.items():
        part = f"{place}/property/{_short(name)}"
        said.say(dataset, v.VOID + "propertyPartition", iri(part))
        said.type(part, v.VOID + "Dataset")
        said.say(part, v.VOID + "property", iri(name))
        said.number(part, v.VOID + "triples", count)


def _short(name: str) -> str:
    """A class or property as the end of an IRI: with its prefix where it has one."""
    for prefix, namespace in v.PREFIXES.items():
        if name.startswith(namespace):
            return f"{prefix}:{quote(name[len(namespace) :], safe='')}"
    return quote(name, safe="")


def _vocabularies(counts: Counts) -> Iterable[Term]:
    """Namespaces of the classes and properties in use."""
    used = [*counts.by_key("classes"), *counts.by_key("properties")]
    for namespace in sorted(set(v.PREFIXES.values())):
        if any(name.startswith(namespace) for name in used):
            yield iri(namespace)


def _say_source(said: Said, dataset: str, document: str, source: SourceStatus, counts: Counts) -> None:
    graph = v.source_graph(source.id)
    said.say(dataset, v.VOID + "subset", iri(graph))
    said.type(graph, v.VOID + "Dataset", v.DCAT + "Dataset")
    said.say(graph, v.DCT + "identifier", literal(source.id))
    said.say(graph, v.DCT + "title", literal(source.title or source.id))
    if source.publisher:
        agent = f"{document}#publisher/{quote(source.publisher, safe='')}"
        said.type(agent, v.FOAF + "Agent")
        said.say(agent, v.FOAF + "name", literal(source.publisher))
        said.say(graph, v.DCT + "publisher", iri(agent))
        said.say(dataset, v.DCT + "publisher", iri(agent))
    if source.licence.startswith(("http://", "https://")):
        said.say(graph, v.DCT + "license", iri(source.licence))
        said.say(dataset, v.DCT + "license", iri(source.licence))
    elif source.licence:
        said.say(graph, v.DCT + "rights", literal(source.licence))
        said.say(dataset, v.DCT + "rights", literal(source.licence))
    if source.url:
        said.say(graph, v.DCAT + "landingPage", iri(source.url))
    said.say(graph, v.DCT + "issued", *times(source.issued))
    said.say(graph, v.DCT + "modified", *times(source.as_of))
    said.say(graph, v.VOID + "uriSpace", literal(source.namespace))
    said.number(graph, v.VOID + "documents", source.entities)  # a record each, which has an address of its own
    said.number(graph, v.VOID + "triples", counts.triples_of(graph))
    _say_partitions(said, graph, document, counts.of("classes_of", graph), counts.of("properties_of", graph))


def _say_suggested(said: Said, dataset: str, document: str, counts: Counts) -> None:
    """The graph that no source publishes: what the index computed."""
    graph = v.SUGGESTED_GRAPH
    if graph not in counts.graphs():
        return
    said.say(dataset, v.VOID + "subset", iri(graph))
    said.type(graph, v.VOID + "Dataset")
    said.say(graph, v.DCT + "title", literal("Suggested tags", "en"), literal("Étiquettes suggérées", "fr"))
    said.say(graph, v.PROV + "wasDerivedFrom", iri(dataset))
    said.number(graph, v.VOID + "triples", counts.triples_of(graph))
    _say_partitions(said, graph, document, {}, counts.of("properties_of", graph))


def _say_links(said: Said, dataset: str, document: str, counts: Counts) -> None:
    """A linkset for every property that points into a vocabulary of others."""
    schemes = {space: scheme for scheme, space in TARGETS.items()}
    for name, space, count in counts.links():
        scheme = schemes[space]
        target, links = f"{document}#{scheme}", f"{document}#links/{scheme}/{v.local_name(name)}"
        said.type(target, v.VOID + "Dataset")
        said.say(target, v.DCT + "title", literal(_TARGET_NAMES[scheme], "en"))
        said.say(target, v.VOID + "uriSpace", literal(space))
        said.type(links, v.VOID + "Linkset")
        said.say(links, v.VOID + "subjectsTarget", iri(dataset))
        said.say(links, v.VOID + "objectsTarget", iri(target))
        said.say(links, v.VOID + "linkPredicate", iri(name))
        said.number(links, v.VOID + "triples", count)
        said.say(dataset, v.VOID + "subset", iri(links))
