"""Questions that a researcher puts to a graph of actors, as SPARQL that every engine understands."""

from __future__ import annotations

from dataclasses import dataclass

from kg import vocabulary as v

ACTOR = "<" + v.source_namespace("generated") + "actor/S0000{:03d}>"
PROLOGUE = "".join(
    f"PREFIX {name}: <{v.PREFIXES[name]}>\n"
    for name in ("fil", "c", "rdf", "rdfs", "xsd", "skos", "dct", "schema", "foaf", "wgs84", "geo")
)


@dataclass(frozen=True, slots=True)
class Question:
    """A query, what family it belongs to, and why answers may differ between engines (empty: they must not)."""

    name: str
    family: str
    text: str
    differs: str = ""
    ours_only: str = ""  # why no other engine can answer it

    @property
    def query(self) -> str:
        """The whole text."""
        return PROLOGUE + self.text

    @property
    def graph(self) -> bool:
        """Whether the answer is triples."""
        return self.text.startswith(("CONSTRUCT", "DESCRIBE"))


QUESTIONS = (
    Question("what is said of an actor", "look-up", f"SELECT ?p ?o {{ {ACTOR.format(7)} ?p ?o }}"),
    Question(
        "an actor by its identifier",
        "look-up",
        "SELECT ?name ?city { ?a dct:identifier 'S0012345' ; skos:prefLabel ?name ; schema:addressLocality ?city }",
    ),
    Question(
        "the contracts of an actor",
        "look-up",
        f"SELECT ?title ?date ?buyer {{ {ACTOR.format(3)} fil:hasEvidence ?e . ?e dct:title ?title ; dct:date ?date"
        " OPTIONAL { ?e fil:buyer ?buyer } }",
    ),
    Question(
        "is there a lab in Roanne",
        "look-up",
        "ASK { ?a a fil:Lab ; schema:addressLocality 'Roanne' }",
    ),
    Question(
        "labs of France with their towns",
        "join",
        "SELECT ?name ?city { ?a a fil:Lab ; schema:addressCountry 'FR' ; skos:prefLabel ?name ;"
        " schema:addressLocality ?city }",
    ),
    Question(
        "certified large firms with a site",
        "join",
        "SELECT ?name ?certificate ?site { ?a a fil:Firm ; fil:size <https://w3id.org/filiere/size/large> ;"
        " skos:prefLabel ?name ; fil:certification ?certificate ; foaf:homepage ?site }",
    ),
    Question(
        "who sold masks to the same buyer in the same year",
        "join",
        "SELECT DISTINCT ?one ?other { ?one fil:suggestedCompetency c:ffp2-mask ; fil:hasEvidence/fil:buyer ?buyer ."
        " ?other fil:suggestedCompetency c:surgical-mask ; fil:hasEvidence/fil:buyer ?buyer FILTER(?one != ?other) }",
    ),
    Question(
        "everything broader, however far",
        "path",
        "SELECT ?narrow ?wide { ?narrow skos:broader+ ?wide }",
    ),
    Question(
        "makers of anything below a competency",
        "path",
        "SELECT DISTINCT ?a { ?c skos:broader+ c:textile-product . ?a fil:suggestedCompetency ?c }",
    ),
    Question(
        "makers below each top competency",
        "path",
        "SELECT ?top (COUNT(DISTINCT ?a) AS ?n) { ?c skos:broader+ ?top FILTER NOT EXISTS { ?top skos:broader ?above }"
        " ?a fil:suggestedCompetency ?c } GROUP BY ?top ORDER BY DESC(?n)",
    ),
    Question(
        "actors by country",
        "aggregate",
        "SELECT ?country (COUNT(?a) AS ?n) { ?a schema:addressCountry ?country } GROUP BY ?country ORDER BY DESC(?n)",
    ),
    Question(
        "actors by kind and country",
        "aggregate",
        "SELECT ?kind ?country (COUNT(*) AS ?n) { ?a a ?kind ; schema:addressCountry ?country }"
        " GROUP BY ?kind ?country",
    ),
    Question(
        "buyers with the most contracts",
        "aggregate",
        "SELECT ?buyer (COUNT(?e) AS ?n) (COUNT(DISTINCT ?a) AS ?suppliers)"
        " { ?a fil:hasEvidence ?e . ?e fil:buyer ?buyer } GROUP BY ?buyer ORDER BY DESC(?n) ?buyer LIMIT 20",
    ),
    Question(
        "the first and the last contract of each country",
        "aggregate",
        "SELECT ?country (MIN(?date) AS ?first) (MAX(?date) AS ?last) (COUNT(*) AS ?n)"
        " { ?a schema:addressCountry ?country ; fil:hasEvidence/dct:date ?date } GROUP BY ?country ORDER BY ?country",
    ),
    Question(
        "the middle of each country",
        "aggregate",
        "SELECT ?country (AVG(?lat) AS ?latitude) (AVG(?long) AS ?longitude)"
        " { ?a schema:addressCountry ?country ; wgs84:lat ?lat ; wgs84:long ?long } GROUP BY ?country",
    ),
    Question(
        "competencies that more than 100 actors share",
        "aggregate",
        "SELECT ?c (COUNT(DISTINCT ?a) AS ?n) (AVG(?sure) AS ?mean)"
        " { ?tag fil:concerns ?c ; fil:actor ?a ; fil:confidence ?sure } GROUP BY ?c HAVING(COUNT(DISTINCT ?a) > 100)",
    ),
    Question(
        "contracts a year",
        "aggregate",
        "SELECT ?year (COUNT(*) AS ?n) { ?e dct:date ?date BIND(YEAR(?date) AS ?year) } GROUP BY ?year ORDER BY ?year",
    ),
    Question(
        "how often each property is used",
        "aggregate",
        "SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p ORDER BY DESC(?n)",
    ),
    Question(
        "the newest contracts",
        "order",
        "SELECT ?e ?date ?title { ?e a fil:Evidence ; dct:date ?date ; dct:title ?title }"
        " ORDER BY DESC(?date) ?e LIMIT 20",
    ),
    Question(
        "firms without a site",
        "negation",
        "SELECT (COUNT(*) AS ?n) { ?a a fil:Firm FILTER NOT EXISTS { ?a foaf:homepage ?site } }",
    ),
    Question(
        "firms of Portugal that never sold, with a site if there is one",
        "negation",
        "SELECT ?name ?site { ?a a fil:Firm ; schema:addressCountry 'PT' ; skos:prefLabel ?name"
        " OPTIONAL { ?a foaf:homepage ?site } FILTER NOT EXISTS { ?a fil:hasEvidence ?e } }",
    ),
    Question(
        "labs and public bodies of Italy or Spain",
        "union",
        "SELECT ?a ?name { { ?a a fil:Lab } UNION { ?a a fil:PublicBody } ?a schema:addressCountry ?country ;"
        " skos:prefLabel ?name FILTER(?country IN ('IT', 'ES')) }",
    ),
    Question(
        "contracts whose title speaks of masks",
        "text",
        "SELECT ?e ?title { ?e dct:title ?title FILTER(CONTAINS(LCASE(STR(?title)), 'mask')) }",
    ),
    Question(
        "names by a pattern",
        "text",
        "SELECT ?a ?name { ?a a fil:Firm ; skos:prefLabel ?name FILTER(REGEX(?name, '^Hel.*GmbH')) }",
    ),
    Question(
        "words by language",
        "text",
        "SELECT ?lang (COUNT(*) AS ?n) { ?a fil:makes ?what BIND(LANG(?what) AS ?lang) } GROUP BY ?lang",
    ),
    Question(
        "French titles that speak of gel",
        "text",
        "SELECT (COUNT(*) AS ?n) { ?e dct:title ?title FILTER(LANG(?title) = 'fr' && CONTAINS(?title, 'gel')) }",
    ),
    Question(
        "actors in a box around Lyon",
        "spatial",
        "SELECT ?a ?lat ?long { ?a wgs84:lat ?lat ; wgs84:long ?long"
        " FILTER(?lat > 45.5 && ?lat < 46.0 && ?long > 4.6 && ?long < 5.2) }",
    ),
    Question(
        "makers of masks south of 45° by country",
        "spatial",
        "SELECT ?country (COUNT(DISTINCT ?a) AS ?n) { ?a fil:suggestedCompetency c:surgical-mask ; wgs84:lat ?lat ;"
        " schema:addressCountry ?country FILTER(?lat <= 45.0) } GROUP BY ?country",
    ),
    Question(
        "actors within 20 km of Lyon",
        "spatial",
        "PREFIX geof: <http://www.opengis.net/def/function/geosparql/>\n"
        "SELECT ?a { ?a wgs84:lat ?lat ; wgs84:long ?long ; geo:hasGeometry/geo:asWKT ?there"
        " FILTER(?lat > 45.5 && ?lat < 46.0 && ?long > 4.5 && ?long < 5.2)"
        " FILTER(geof:distance(?there, 'POINT(4.84 45.76)'^^geo:wktLiteral,"
        " <http://www.opengis.net/def/uom/OGC/1.0/metre>) < 20000) }",
        ours_only="Debian's Virtuoso has no geof:distance, nor has rdflib",
    ),
    Question(
        "who can meet a need, and in which country",
        "semantic",
        "SELECT ?actor ?score ?country { SERVICE fil:search"
        ' { ?m fil:need "pièces pour respirateurs"@fr ; fil:actor ?actor ; fil:score ?score ;'
        " fil:limit 100 } ?actor schema:addressCountry ?country }",
        ours_only="no other engine here matches needs",
    ),
    Question(
        "an actor's neighbourhood as a graph",
        "graph",
        f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ {{ {ACTOR.format(5)} ?p ?o BIND({ACTOR.format(5)} AS ?s) }}"
        f" UNION {{ {ACTOR.format(5)} fil:hasEvidence ?s . ?s ?p ?o }} }}",
    ),
    Question(
        "describe an actor",
        "graph",
        f"DESCRIBE {ACTOR.format(9)}",
        differs="SPARQL leaves to the engine what a description holds",
    ),
)
