"""SERVICE filiere:search inside SPARQL: joined with any pattern, several at once, needs bound by the query."""

from __future__ import annotations

from typing import Any

import pytest

from kg import vocabulary as v
from search.query import Query
from tests.doors.conftest import Service

HEAD = f"PREFIX filiere: <{v.NS}> PREFIX skos: <{v.SKOS}> PREFIX schema: <{v.SCHEMA}> "
GEL = '?m filiere:need "gel hydroalcoolique"@fr ; filiere:actor ?actor'


def rows(service: Service, query: str) -> list[dict[str, str]]:
    answer = service.client.get("/sparql", params={"query": HEAD + query})
    assert answer.status_code == 200, answer.text
    return [{name: cell["value"] for name, cell in row.items()} for row in answer.json()["results"]["bindings"]]


def refusal(service: Service, query: str) -> dict[str, Any]:
    answer = service.client.get("/sparql", params={"query": HEAD + query})
    assert answer.status_code in (400, 413, 422), answer.text
    return dict(answer.json())


def found(service: Service, text: str, lang: str, limit: int, **constraints: Any) -> list[str]:
    matches = service.engine.search(Query(text, lang=lang, limit=limit, **constraints))
    return [match.actor.iri for match in matches.results]


def test_a_need_in_a_query_finds_what_a_search_finds(service: Service) -> None:
    query = f"""SELECT * {{ SERVICE filiere:search {{
        {GEL} ; filiere:score ?score ; filiere:level ?level ; filiere:rank ?rank ; filiere:reason ?why ;
        filiere:quote ?quote ; filiere:limit 7 }} }} ORDER BY ?rank"""
    answered = rows(service, query)
    matches = service.engine.search(Query("gel hydroalcoolique", lang="fr", limit=7)).results
    assert [row["actor"] for row in answered] == [match.actor.iri for match in matches]
    assert [float(row["score"]) for row in answered] == pytest.approx([m.score for m in matches], abs=1e-4)
    assert answered[0]["why"] == matches[0].reasons[0].says and answered[0]["quote"] == matches[0].reasons[0].quote
    assert len({row["m"] for row in answered}) == 7


def test_matches_join_with_any_pattern(service: Service) -> None:
    query = f"""SELECT ?name {{ SERVICE filiere:search {{ {GEL} ; filiere:limit 50 }}
        ?actor skos:prefLabel ?name ; schema:addressCountry "FR" . FILTER(CONTAINS(LCASE(?name), "a")) }}"""
    names = {row["name"] for row in rows(service, query)}
    wanted = {
        match.actor.name
        for match in service.engine.search(Query("gel hydroalcoolique", lang="fr", limit=50)).results
        if match.actor.country == "FR" and "a" in match.actor.name.lower()
    }
    assert names == wanted != set()


def test_constraints_hold_before_ranking(service: Service) -> None:
    query = f"""SELECT ?actor {{ SERVICE filiere:search {{ {GEL} ; filiere:country "FR", "IT" ; filiere:kind "firm" ;
        filiere:limit 10 ; filiere:rank ?rank }} }} ORDER BY ?rank"""
    wanted = found(service, "gel hydroalcoolique", "fr", 10, country=("FR", "IT"), kind=("firm",))
    assert [row["actor"] for row in rows(service, query)] == wanted


def test_several_needs_in_one_query_join_on_the_actor(service: Service) -> None:
    query = """SELECT DISTINCT ?actor {
        SERVICE filiere:search { ?a filiere:need "masks"@en ; filiere:actor ?actor ; filiere:limit 100 }
        SERVICE filiere:search { ?b filiere:need "visors"@en ; filiere:actor ?actor ; filiere:limit 100 } }"""
    both = set(found(service, "masks", "en", 100)) & set(found(service, "visors", "en", 100))
    assert {row["actor"] for row in rows(service, query)} == both != set()
    within = "SELECT DISTINCT ?actor { SERVICE filiere:search { ?a filiere:need 'masks'@en ; filiere:actor ?actor ; "
    within += "filiere:limit 100 . ?b filiere:need 'visors'@en ; filiere:actor ?actor ; filiere:limit 100 } }"
    assert {row["actor"] for row in rows(service, within)} == both


@pytest.mark.parametrize(
    "given",
    [
        'VALUES ?need { "gel hydroalcoolique"@fr "FFP2-Masken"@de }',
        '{ BIND("gel hydroalcoolique"@fr AS ?need) } UNION { BIND("FFP2-Masken"@de AS ?need) }',
        '{ SELECT ?need { VALUES ?need { "gel hydroalcoolique"@fr "FFP2-Masken"@de } } }',
    ],
)
def test_the_need_comes_from_the_query(service: Service, given: str) -> None:
    query = f"""SELECT ?need ?actor {{ {given}
        SERVICE filiere:search {{ ?m filiere:need ?need ; filiere:actor ?actor ; filiere:limit 3 }} }}"""
    answered = {(row["need"], row["actor"]) for row in rows(service, query)}
    gel = {("gel hydroalcoolique", iri) for iri in found(service, "gel hydroalcoolique", "fr", 3)}
    assert answered == gel | {("FFP2-Masken", iri) for iri in found(service, "FFP2-Masken", "de", 3)}


def test_the_need_comes_from_the_graph(service: Service) -> None:
    query = """SELECT ?need (COUNT(?actor) AS ?n) {
        { SELECT DISTINCT ?need { ?x a filiere:Need ; filiere:what ?need } ORDER BY ?need LIMIT 3 }
        SERVICE filiere:search { [] filiere:need ?need ; filiere:actor ?actor ; filiere:limit 5 } } GROUP BY ?need"""
    answered = rows(service, query)
    assert answered and all(1 <= int(row["n"]) <= 5 for row in answered)


def test_a_search_stands_in_sub_queries_optionals_and_unions(service: Service) -> None:
    sub = (
        f"SELECT (COUNT(*) AS ?n) {{ {{ SELECT ?actor {{ SERVICE filiere:search {{ {GEL} ; filiere:limit 4 }} }} }} }}"
    )
    assert rows(service, sub) == [{"n": "4"}]
    optional = f"SELECT ?actor ?m {{ ?actor a filiere:Cluster OPTIONAL {{ SERVICE filiere:search {{ {GEL} }} }} }}"
    assert len(rows(service, optional)) == 162
    union = f"""SELECT ?actor {{ {{ SERVICE filiere:search {{ {GEL} ; filiere:limit 2 }} }} UNION
        {{ SERVICE filiere:search {{ ?m filiere:need "masks"@en ; filiere:actor ?actor ; filiere:limit 3 }} }} }}"""
    assert len(rows(service, union)) == 5


def test_the_same_triples_without_service_are_what_another_engine_sends(service: Service) -> None:
    inside = f"SELECT ?actor ?s {{ SERVICE filiere:search {{ {GEL} ; filiere:score ?s ; filiere:limit 5 }} }}"
    plain = f"SELECT ?actor ?s WHERE {{ {GEL} ; filiere:score ?s ; filiere:limit 5 . ?actor skos:prefLabel ?n }}"
    spread = f"""SELECT ?actor ?s {{ {GEL} . ?actor skos:prefLabel ?n . ?m filiere:score ?s .
        ?m filiere:limit 5 FILTER(?s > 0) }}"""
    full = f"""SELECT ?actor ?s WHERE {{ ?m <{v.NS}need> "gel hydroalcoolique"@fr . ?m <{v.NS}actor> ?actor .
        ?m <{v.NS}score> ?s . ?m <{v.NS}limit> 5 }}"""
    wanted = sorted(row["actor"] for row in rows(service, inside))
    for query in (plain, spread, full):
        assert sorted(row["actor"] for row in rows(service, query)) == wanted, query


def test_nonsense_answers_with_nobody_and_a_construct_may_use_it(service: Service) -> None:
    assert (
        rows(service, 'SELECT * { SERVICE filiere:search { ?m filiere:need "qwrtz plfk"@en ; filiere:actor ?a } }')
        == []
    )
    construct = f"CONSTRUCT {{ ?actor filiere:answers ?m }} {{ SERVICE filiere:search {{ {GEL} ; filiere:limit 3 }} }}"
    answer = service.client.get(
        "/sparql", params={"query": HEAD + construct}, headers={"Accept": "application/n-triples"}
    )
    assert answer.text.count("\n") == 3


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("?m filiere:actor ?a", "filiere:need"),
        ('?m filiere:need "x" ; filiere:colour ?c', "colour"),
        ('?m filiere:need "x" ; filiere:limit ?l', "constant"),
        ('?m filiere:need "x" ; filiere:limit "many"', "number"),
        ('?m filiere:need "x" ; filiere:country "Atlantis"', "Atlantis"),
        ('?m filiere:need "x" FILTER(true)', "FILTER"),
        ("?m filiere:need ?nothing ; filiere:actor ?a", "?nothing"),
        ("?m filiere:need 5 ; filiere:actor ?a", "no text"),
        ('?m filiere:need "x", "y"', "two needs"),
        ("", "empty"),
        ('?m filiere:need "x" ; unknown:p ?a', "unknown"),
    ],
)
def test_what_cannot_be_understood_is_named(service: Service, body: str, word: str) -> None:
    problem = refusal(service, f"SELECT * {{ SERVICE filiere:search {{ {body} }} }}")
    assert word in problem["detail"] + problem["mend"] and problem["mend"]


def test_a_value_from_outside_of_the_group_is_refused_not_lost(service: Service) -> None:
    body = "SERVICE filiere:search { ?m filiere:need ?n ; filiere:actor ?a }"
    problem = refusal(service, f'SELECT * {{ {body} }} VALUES ?n {{ "gel"@fr }}')
    assert "?n" in problem["detail"] and "group" in problem["mend"]


def test_too_many_needs_are_refused(service: Service) -> None:
    values = " ".join(f'"need {n}"' for n in range(150))
    query = (
        f"SELECT * {{ VALUES ?n {{ {values} }} SERVICE filiere:search {{ ?m filiere:need ?n ; filiere:actor ?a }} }}"
    )
    assert "100" in refusal(service, query)["detail"]


def test_the_shell_answers_it_too(service: Service) -> None:
    result = service.engine.sparql(
        HEAD + f"SELECT ?actor {{ SERVICE filiere:search {{ {GEL} ; filiere:limit 2 }} }}", "text/csv"
    )
    assert len(result.body.splitlines()) == 3
