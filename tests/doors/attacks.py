"""Queries that hurt a SPARQL service, each with a name. TARGET stands for a listener on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

TARGET = "http://127.0.0.1:9/never"  # each use is moved to the port that listens
PATTERN = "?s ?p ?o"
CROSS = "{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
XS = "'" + "x" * 1000 + "'"
_GEOF = "http://www.opengis.net/def/function/geosparql/"
_NS = "https://w3id.org/filiere/ns#"
DEPTHS = (60, 2_500, 20_000)  # one that is let through, one that kills the parser, one that is too long


def queries() -> dict[str, str]:
    """Every hostile query."""
    parts = (_nested, _chained, _listed, _multiplied, _grown, _matched, _walked, _reaching)
    return {name: text for part in parts for name, text in part()}


def _nested() -> Iterator[tuple[str, str]]:
    wraps = {
        "groups": (f"{{ {PATTERN} ", "}"),
        "OPTIONAL": ("OPTIONAL { ", "}"),
        "MINUS": ("MINUS { ?s ?p ?o . ", "}"),
        "GRAPH": ("GRAPH ?g { ", "}"),
        "UNION": (f"{{ {PATTERN} }} UNION {{ ", "}"),
        "EXISTS": (f"{PATTERN} FILTER EXISTS {{ ", "}"),
        "NOT EXISTS": (f"{PATTERN} FILTER NOT EXISTS {{ ", "}"),
        "sub-selects": ("{ SELECT * { ", "} }"),
        "sub-selects with groups": ("{ SELECT ?s { ", "} GROUP BY ?s }"),
    }
    calls = {
        "parentheses": ("(", ")"),
        "IF": ("IF(true, ", ", 0)"),
        "COALESCE": ("COALESCE(", ")"),
        "CONCAT": ("CONCAT(", ")"),
        "negations": ("!", ""),
        "minus signs": ("- ", ""),
        "STR": ("STR(", ")"),
        "EXISTS in IF": ("IF(EXISTS{?s ?p ", "},1,0)"),
        "IN": ("1 IN (", ")"),
        "sums": ("(1 + ", ")"),
        "casts": ("<http://www.w3.org/2001/XMLSchema#string>(", ")"),
    }
    for depth in DEPTHS:
        for name, (opening, closing) in wraps.items():
            yield f"{depth} nested {name}", f"SELECT * WHERE {{ {opening * depth} {PATTERN} {closing * depth} }}"
        for name, (opening, closing) in calls.items():
            yield f"{depth} nested {name}", f"SELECT ({opening * depth}1{closing * depth} AS ?x) {{}}"
        for name, (opening, closing) in {
            "paths": ("(", ")*"),
            "inverse paths": ("^(", ")"),
            "options": ("(", ")?"),
        }.items():
            yield f"{depth} nested {name}", f"SELECT * {{ ?s {opening * depth}<x:p>{closing * depth} ?o }}"
        yield f"{depth} nested nodes", f"SELECT * {{ ?s ?p {'[ ?p ' * depth}1{']' * depth} }}"
        yield f"{depth} nested lists", f"SELECT * {{ ?s ?p {'(' * depth}1{')' * depth} }}"
        yield f"{depth} nested triples", f"SELECT * {{ {'<< ' * depth}?s ?p ?o{' >> ?p ?o' * depth} }}"
        yield (
            f"{depth} nested nodes in a template",
            f"CONSTRUCT {{ ?s ?p {'[ ?p ' * depth}1{']' * depth} }} {{ {PATTERN} }}",
        )
        yield f"{depth} unclosed groups", "SELECT * WHERE " + "{" * depth
        yield f"{depth} closing brackets", "SELECT * WHERE { " + "}" * depth


def _chained() -> Iterator[tuple[str, str]]:
    for count in (1_900, 10_000, 60_000):
        for sign in ("||", "&&", "+", "-", "*", "/", "=", "<"):
            yield f"{count} times {sign}", f"SELECT * {{ {PATTERN} FILTER({f' {sign} '.join(['1'] * count)}) }}"
        for sign in ("|", "/"):
            yield f"{count} times {sign} in a path", f"SELECT * {{ ?s {sign.join(['<x:p>'] * count)} ?o }}"
        yield f"{count} filters", f"SELECT * {{ {PATTERN} {'FILTER(true) ' * count} }}"
        yield f"{count} unions", f"SELECT * {{ {' UNION '.join(['{}'] * count)} }}"
        yield f"{count} optionals", f"SELECT * {{ {PATTERN} {'OPTIONAL{} ' * count} }}"
        yield f"{count} optionals with a pattern", f"SELECT * {{ {PATTERN} {'OPTIONAL{?s ?p ?q} ' * count} }}"
        yield f"{count} binds", f"SELECT * {{ {' '.join(f'BIND({n} AS ?v{n})' for n in range(count))} }}"
        yield f"{count} minuses", f"SELECT * {{ {PATTERN} {'MINUS{?s ?p 1} ' * count} }}"


def _listed() -> Iterator[tuple[str, str]]:
    many = 40_000
    numbers = [str(n) for n in range(many)]
    yield "a long IN", f"SELECT * {{ {PATTERN} FILTER(?o IN ({','.join(numbers[:30_000])})) }}"
    yield "a long NOT IN", f"SELECT * {{ {PATTERN} FILTER(?o NOT IN ({','.join(numbers[:30_000])})) }}"
    yield "long VALUES", f"SELECT * {{ VALUES ?x {{ {' '.join(numbers[:30_000])} }} {PATTERN} }}"
    yield (
        "VALUES times VALUES times VALUES",
        "SELECT (COUNT(*) AS ?n) {"
        + "".join(f"VALUES ?x{v} {{ {' '.join(numbers[:5_000])} }}" for v in range(3))
        + "}",
    )
    yield (
        "VALUES of many variables",
        (f"SELECT * {{ VALUES ({' '.join(f'?v{n}' for n in range(5_000))}) {{ ({'1 ' * 5_000}) }} }}"),
    )
    yield (
        "UNDEF joined with UNDEF",
        "SELECT (COUNT(*) AS ?n) {"
        + "".join(f"VALUES (?a{v} ?b{v} ?c) {{ {'(UNDEF 1 UNDEF) (1 UNDEF UNDEF) ' * 900} }}" for v in range(3))
        + "}",
    )
    yield "many objects", f"SELECT * {{ ?s ?p {','.join(numbers[:20_000])} }}"
    yield "many predicates", f"SELECT * {{ ?s {';'.join(f'<x:{n}> ?o{n}' for n in range(9_000))} }}"
    yield "many prefixes", "".join(f"PREFIX a{n}: <x:{n}>\n" for n in range(9_000)) + "SELECT * {}"
    yield "many FROM", "SELECT * " + "".join(f"FROM <x:{n}> " for n in range(9_000)) + f"{{ {PATTERN} }}"
    yield (
        "many FROM NAMED",
        "SELECT * " + "".join(f"FROM NAMED <x:{n}> " for n in range(9_000)) + f"{{ GRAPH ?g {{ {PATTERN} }} }}",
    )
    yield "many keys of order", f"SELECT * {{ {PATTERN} }} ORDER BY {'?s ' * 30_000}"
    yield "many keys of groups", f"SELECT (COUNT(*) AS ?n) {{ {PATTERN} }} GROUP BY {'?s ' * 30_000}"
    yield "many aggregates", "SELECT " + "".join(f"(SUM(?o) AS ?x{n}) " for n in range(6_000)) + f"{{ {PATTERN} }}"
    yield "many HAVING", f"SELECT ?s {{ {PATTERN} }} GROUP BY ?s HAVING {'(COUNT(*) > 1) ' * 9_000}"
    yield "a long name", f"SELECT ?{'x' * 150_000} {{ {PATTERN} }}"
    yield "a long IRI", f"SELECT * {{ ?s <x:{'y' * 150_000}> ?o }}"
    yield "many dots and dashes", f"SELECT * {{ ?s {'a-b.' * 40_000} ?o }}"
    yield "many comments", "#\n" * 90_000 + "SELECT * {}"
    yield "many backslashes", "SELECT * { ?s ?p '" + "\\" * 150_000 + "' }"
    yield "a quarrel of quotes", "SELECT * { ?s ?p " + "''''\"\"\"" * 20_000 + " }"
    yield "many escapes", "SELECT * { ?s ?p '" + "\\u0041" * 30_000 + "' }"
    yield "words of needs", f"# need\nSELECT * {{ {'{?s ?p ?o} ' * 14_000} }}"
    yield "needs one after the other", f"SELECT * {{ {f'?m <{_NS}need> 1 . ' * 3_000} }}"
    yield "blank", " " * 199_000
    yield "too long by one", "SELECT * {}" + " " * 200_000


def _multiplied() -> Iterator[tuple[str, str]]:
    yield "cross product, ordered", f"SELECT * WHERE {CROSS} ORDER BY ?l LIMIT 1"
    yield "cross product, counted", f"SELECT (COUNT(*) AS ?n) WHERE {CROSS}"
    yield "cross product, distinct", f"SELECT DISTINCT * WHERE {CROSS} OFFSET 1000000000"
    yield "cross product, grouped", f"SELECT ?a ?d ?g (COUNT(*) AS ?n) WHERE {CROSS} GROUP BY ?a ?d ?g"
    yield "cross product, distinct values", f"SELECT (COUNT(DISTINCT CONCAT(STR(?a),STR(?d),STR(?g))) AS ?n) {CROSS}"
    yield "cross product, concatenated", f"SELECT (GROUP_CONCAT(STR(?a)) AS ?x) WHERE {CROSS}"
    yield "cross product, constructed", f"CONSTRUCT {{ ?a ?e ?i }} WHERE {CROSS}"
    yield "cross product, described", f"DESCRIBE ?a ?d ?g WHERE {CROSS}"
    yield "cross product, asked", f"ASK {{ {CROSS} FILTER(CONCAT(STR(?a), STR(?d)) = 'never') }}"
    yield "cross product, hashed", f"SELECT * {{ {CROSS} FILTER(SHA512(CONCAT(STR(?a), STR(?d), STR(?g))) = 'x') }}"
    yield "cross product, less", f"SELECT * {{ {CROSS} MINUS {{ ?a ?x ?y . ?d ?z ?w FILTER(?y = ?w) }} }} LIMIT 1"
    yield (
        "cross product, optional",
        "SELECT * { ?a ?b ?c OPTIONAL { ?d ?e ?f . ?g ?h ?i FILTER(?c < ?i) } } ORDER BY ?i",
    )
    yield (
        "cross product of graphs",
        f"SELECT (COUNT(*) AS ?n) {{ GRAPH ?x {{ {PATTERN} }} GRAPH ?y {{ ?q ?r ?t }} GRAPH ?z {{ ?u ?v ?w }} }}",
    )
    yield (
        "every pair in EXISTS",
        f"SELECT * {{ {PATTERN} . ?a ?b ?c FILTER NOT EXISTS {{ ?o ?x ?y . ?c ?z ?w FILTER(?y != ?w) }} }} ORDER BY ?o",
    )
    yield "everything in order", f"SELECT * {{ {PATTERN} }} ORDER BY ?o ?p ?s"
    yield "everything described", f"DESCRIBE ?s ?p ?o {{ {PATTERN} }}"
    yield (
        "everything said a hundred times",
        (f"CONSTRUCT {{ {' '.join(f'?s <x:{n}> ?o .' for n in range(100))} }} {{ {PATTERN} }}"),
    )
    yield "a star of 300", "SELECT * { " + " . ".join(f"?s ?p{n} ?o{n}" for n in range(300)) + " }"
    yield "a chain of 300", "SELECT * { " + " . ".join(f"?v{n} ?p{n} ?v{n + 1}" for n in range(300)) + " }"
    yield (
        "a clique of 12",
        "SELECT * { " + " ".join(f"?v{a} ?p{a}x{b} ?v{b} ." for a in range(12) for b in range(a)) + " }",
    )
    yield (
        "300 sub-selects",
        "SELECT * { " + " ".join(f"{{ SELECT ?s {{ ?s ?p{n} ?o{n} }} }}" for n in range(300)) + " }",
    )
    yield (
        "optionals that multiply",
        f"SELECT (COUNT(*) AS ?n) {{ {PATTERN} " + "".join(f"OPTIONAL {{ ?s ?p{n} ?o{n} }} " for n in range(40)) + "}",
    )
    yield "a far offset", f"SELECT * {{ {CROSS} }} OFFSET 9223372036854775807"
    yield "a huge limit", f"SELECT * {{ {CROSS} }} LIMIT 18446744073709551615"


def _grown() -> Iterator[tuple[str, str]]:
    eight = ",".join(["?x{0}"] * 8)
    for name, step in {
        "CONCAT": f"CONCAT({eight})",
        "REPLACE": "REPLACE(?x{0}, '.', '$0$0$0$0$0$0$0$0')",
        "ENCODE_FOR_URI": "ENCODE_FOR_URI(CONCAT('%',?x{0},'%',?x{0},'é',?x{0}))",
        "UCASE": f"UCASE(CONCAT({eight}))",
        "REPLACE of nothing": "REPLACE(?x{0}, '', '$0xxxxxxxx')",
        "STRLANG": f"STRLANG(STR(CONCAT({eight})), 'en')",
        "IRI": f"IRI(CONCAT('x:',{eight.replace('?x{0}', 'STR(?x{0})')}))",
    }.items():
        binds = " ".join(f"BIND({step.format(n)} AS ?x{n + 1})" for n in range(10))
        yield f"doubling by {name}", f"SELECT ?x10 {{ BIND({XS} AS ?x0) {binds} }}"
    inner = f"SELECT (GROUP_CONCAT(STR(?o)) AS ?x0) {{ {PATTERN} }}"
    for level in range(6):
        copies = " UNION ".join(["{}"] * 8)
        inner = f"SELECT (GROUP_CONCAT(?x{level}) AS ?x{level + 1}) {{ {{ {inner} }} {{ {copies} }} }}"
    yield "doubling by GROUP_CONCAT", inner
    yield "a huge separator", f"SELECT (GROUP_CONCAT(?o; SEPARATOR={XS}) AS ?x) {{ {PATTERN} . ?a ?b ?c }}"
    yield (
        "a power tower",
        "SELECT ?x9 { BIND(9 AS ?x0) " + " ".join(f"BIND(?x{n} * ?x{n} AS ?x{n + 1})" for n in range(9)) + " }",
    )
    yield (
        "the last number",
        "SELECT (9223372036854775807 + 1 AS ?x) (-9223372036854775808 / -1 AS ?y) (1e308 * 10 AS ?z) {}",
    )
    yield "a number of many digits", f"SELECT ({'9' * 100_000} AS ?x) ({'9' * 50_000}.{'9' * 40_000} + 1 AS ?y) {{}}"
    yield (
        "times out of range",
        (
            "PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> SELECT (xsd:dateTime('99999999999-12-31T23:59:59Z') + "
            "xsd:duration('P999999999999Y') AS ?x) (YEAR(xsd:dateTime('-0000-01-01T00:00:00')) AS ?y) {}"
        ),
    )


def _matched() -> Iterator[tuple[str, str]]:
    long = "'" + "a" * 5_000 + "'"
    for name, pattern in {
        "nested plus": "(a+)+$",
        "alternatives": "(a|a|aa)*b",
        "back and forth": "(.*)*(.*)*x",
        "counted": "(a{1,999}){1,999}b",
        "counted thrice": "((a{100}){100}){100}",
        "many classes": "[a-z&&[^b]]*" * 200,
        "Unicode": "(\\\\p{L}|\\\\w|\\\\S)*{500}x",
        "nested groups": "(" * 2_000 + "a" + ")*" * 2_000,
        "many alternatives": "|".join(f"a{n}" for n in range(9_000)),
    }.items():
        yield (
            f"a pattern, {name}",
            f"SELECT * {{ {PATTERN} . ?a ?b ?c FILTER(REGEX(CONCAT(STR(?o), {long}), '{pattern}')) }}",
        )
    yield "patterns from the data", f"SELECT * {{ {PATTERN} . ?a ?b ?c FILTER(REGEX(STR(?o), STR(?c))) }}"
    yield (
        "a pattern for each row",
        f"SELECT * {{ {PATTERN} . ?a ?b ?c FILTER(REGEX(STR(?o), CONCAT('(', STR(?a), '){{1,99}}'))) }}",
    )
    yield "replacing all by much", f"SELECT (REPLACE(STR(?o), '.', {XS}) AS ?x) {{ {PATTERN} . ?a ?b ?c }} ORDER BY ?x"


def _walked() -> Iterator[tuple[str, str]]:
    any_ = "(<x:p>|!<x:p>)"
    yield "every path between all", f"SELECT * {{ ?a {any_}* ?b . ?b {any_}* ?c . ?c {any_}* ?d }}"
    yield "every path there and back", f"SELECT (COUNT(*) AS ?n) {{ ?a ({any_}|^{any_})* ?b }}"
    yield "stars of stars", f"SELECT (COUNT(*) AS ?n) {{ ?a ((({any_}*)*)+)* ?b }}"
    yield "a path of fifty", f"SELECT (COUNT(*) AS ?n) {{ ?a {'/'.join([f'({any_}|^{any_})'] * 50)} ?b }}"
    yield "options upon options", f"SELECT (COUNT(*) AS ?n) {{ ?a {'/'.join([any_ + '?'] * 300)} ?b }}"
    yield (
        "paths in every graph",
        f"SELECT * {{ GRAPH ?g {{ ?a {any_}* ?b }} GRAPH ?h {{ ?b {any_}* ?c }} }} ORDER BY ?c",
    )
    yield "paths as a filter", f"SELECT * {{ {PATTERN} . ?x ?y ?z FILTER NOT EXISTS {{ ?s ({any_}|^{any_})* ?z }} }}"


def _reaching() -> Iterator[tuple[str, str]]:
    for name, text in _services().items():
        yield f"SERVICE, {name}", text


def _services() -> dict[str, str]:
    """The keyword in every disguise."""
    block = f"<{TARGET}> {{ {PATTERN} }}"
    escaped = TARGET.replace("h", "\\u0068")
    return {
        "plain": f"SELECT * {{ SERVICE {block} }}",
        "silent": f"SELECT * {{ SERVICE SILENT {block} }}",
        "lower case": f"SELECT * {{ service silent {block} }}",
        "no space": f"SELECT * {{ SERVICE{block} }}",
        "comment": f"SELECT * {{ SERVICE#x\n{block} }}",
        "comments": f"SELECT * {{ SERVICE #\n#\n SILENT #\n {block} }}",
        "prefix": f"PREFIX t: <{TARGET}> SELECT * {{ SERVICE t: {{ {PATTERN} }} }}",
        "base": f"BASE <{TARGET}> SELECT * {{ SERVICE <> {{ {PATTERN} }} }}",
        "escaped keyword": f"SELECT * {{ \\u0053ERVICE {block} }}",
        "escaped keyword, long": f"SELECT * {{ SERVIC\\U00000045 {block} }}",
        "escaped IRI": f"SELECT * {{ SERVICE <{escaped}> {{ {PATTERN} }} }}",
        "escaped bracket": f"SELECT * {{ SERVICE \\u003C{TARGET}\\u003E {{ {PATTERN} }} }}",
        "escaped comment": f"SELECT * {{ # \\u000A SERVICE {block}\n }}",
        "escaped quote": f"SELECT * {{ ?s ?p '\\u0027 . SERVICE {block} #' }}",
        "sub-select": f"SELECT * {{ {{ SELECT * {{ SERVICE {block} }} }} }}",
        "EXISTS": f"SELECT * {{ {PATTERN} FILTER EXISTS {{ SERVICE {block} }} }}",
        "EXISTS in BIND": f"SELECT * {{ BIND(EXISTS {{ SERVICE {block} }} AS ?x) }}",
        "EXISTS in the head": f"SELECT (EXISTS {{ SERVICE {block} }} AS ?x) {{}}",
        "EXISTS in HAVING": f"SELECT ?s {{ {PATTERN} }} GROUP BY ?s HAVING(EXISTS {{ SERVICE {block} }})",
        "EXISTS in ORDER BY": f"SELECT ?s {{ {PATTERN} }} ORDER BY (EXISTS {{ SERVICE {block} }})",
        "MINUS": f"SELECT * {{ {PATTERN} MINUS {{ SERVICE {block} }} }}",
        "OPTIONAL": f"SELECT * {{ {PATTERN} OPTIONAL {{ SERVICE SILENT {block} }} }}",
        "UNION": f"SELECT * {{ {{ {PATTERN} }} UNION {{ SERVICE {block} }} }}",
        "GRAPH": f"SELECT * {{ GRAPH ?g {{ SERVICE {block} }} }}",
        "CONSTRUCT": f"CONSTRUCT {{ {PATTERN} }} WHERE {{ SERVICE {block} }}",
        "ASK": f"ASK {{ SERVICE {block} }}",
        "DESCRIBE": f"DESCRIBE ?s {{ SERVICE {block} }}",
        "variable": f"SELECT * {{ VALUES ?e {{ <{TARGET}> }} SERVICE ?e {{ {PATTERN} }} }}",
        "variable, silent": f"SELECT * {{ BIND(<{TARGET}> AS ?e) SERVICE SILENT ?e {{ {PATTERN} }} }}",
        "computed": f"SELECT * {{ BIND(IRI(CONCAT('{TARGET}', '')) AS ?e) SERVICE SILENT ?e {{ {PATTERN} }} }}",
        "values at the end": f"SELECT * {{ SERVICE ?e {{ {PATTERN} }} }} VALUES ?e {{ <{TARGET}> }}",
        "unbound variable": f"SELECT * {{ SERVICE ?e {{ {PATTERN} }} }}",
        "no space, variable": f"SELECT * {{ SERVICE?e {{ {PATTERN} }} }}",
        "within the search": f"SELECT * {{ SERVICE <{_NS}search> {{ ?m <{_NS}need> 'gel' SERVICE {block} }} }}",
        "after the search": f"SELECT * {{ SERVICE <{_NS}search> {{ ?m <{_NS}need> 'gel' }} SERVICE SILENT {block} }}",
        "less than": f"SELECT * {{ {PATTERN} FILTER(?s<?o)SERVICE#>\n{block} }}",
        "a name like it": f"PREFIX service: <{TARGET}> SELECT * {{ service:x {{ {PATTERN} }} }}",
        "a word around it": f"SELECT * {{ {PATTERN} .SERVICE {block} }}",
        "number before": f"SELECT * {{ ?s ?p 1SERVICE {block} }}",
        "after a triple quote": f"SELECT * {{ ?s ?p ''''''SERVICE {block} }}",
        "seventeen": f"SELECT * {{ {f'SERVICE {block} ' * 17} }}",
        "metadata": "SELECT * { SERVICE SILENT <http://169.254.169.254/latest> { ?s ?p ?o } }",
        "file": "SELECT * { SERVICE SILENT <file:///etc/passwd> { ?s ?p ?o } }",
        "geo of an address": f"SELECT (<{_GEOF}distance>(<{TARGET}>, 1) AS ?x) {{}}",
        "FROM an address": f"SELECT * FROM <{TARGET}> {{ {PATTERN} }}",
        "named address": f"SELECT * FROM NAMED <{TARGET}> {{ GRAPH ?g {{ {PATTERN} }} }}",
    }


def every(step: int, found: dict[str, str]) -> dict[str, str]:
    """One in `step` of the attacks, for a short run."""
    return dict(islice(found.items(), 0, None, step))
