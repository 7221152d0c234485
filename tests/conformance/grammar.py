"""Small random datasets and small random SPARQL queries over them, from one seed."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NS = "http://example.org/"
PROLOGUE = f"PREFIX : <{NS}>\nPREFIX xsd: <http://www.w3.org/2001/XMLSchema#>\n"
_XSD = "http://www.w3.org/2001/XMLSchema#"
_NODES = (*(f"<{NS}{letter}>" for letter in "abcd"), "_:b0", "_:b1")
_LINKS = (":p", ":q", ":r")
_NUMBERS = (
    *(f'"{n}"^^<{_XSD}integer>' for n in (-3, 0, 1, 2, 10)),
    f'"1.5"^^<{_XSD}decimal>',
    f'"2.5"^^<{_XSD}decimal>',
)
_STRINGS = ('"a"', '"b"', '"abc"', '"Gel 2"', '""', '"été"', '"a b c"')
_OTHERS = (
    '"chat"@fr', '"cat"@en', '"Cat"@en', f'"true"^^<{_XSD}boolean>', f'"false"^^<{_XSD}boolean>',
    f'"2020-03-17T12:00:00Z"^^<{_XSD}dateTime>', f'"2021-01-01T00:00:00+02:00"^^<{_XSD}dateTime>',
    '"x"^^<http://example.org/type>', f'"2.5E0"^^<{_XSD}double>',
)  # fmt: skip
_NEGATED = ("!:p", "!(:p|:q)")
_SIGNS = ("<", "<=", ">", ">=", "=", "!=")
_RANGES = ("en", "fr", "*")
_REGEXES = ('"a"', '"^[a-c]+$"', '"E", "i"')
GRAPHS = tuple(f"{NS}g{number}" for number in range(3))


@dataclass(frozen=True, slots=True)
class Query:
    """A query; `kind` is "select", "ask" or "graph". `whole` is it without LIMIT and OFFSET; `keys` are its order."""

    text: str
    kind: str = "select"
    whole: str = ""
    keys: tuple[tuple[str, bool], ...] = ()
    limit: int | None = None
    offset: int = 0


def dataset(chance: random.Random) -> str:
    """N-Quads: two or three named graphs that share IRIs and blank nodes."""
    lines: set[str] = set()
    for graph in GRAPHS[: chance.choice((2, 3))]:
        # A path of no step from a term that is nowhere in the graph is among the differences of the W3C's tests.
        lines |= {f"<{NS}a> <{NS}p> <{NS}b> <{graph}> .\n", f"<{NS}c> <{NS}q> <{NS}d> <{graph}> .\n"}
        for _ in range(chance.randint(5, 18)):
            subject = chance.choice(_NODES)
            kind = chance.random()
            if kind < 0.55:
                said = f"<{NS}{chance.choice(_LINKS)[1:]}> {chance.choice(_NODES)}"
            elif kind < 0.7:
                said = f"<{NS}n> {chance.choice(_NUMBERS)}"
            elif kind < 0.85:
                said = f"<{NS}s> {chance.choice(_STRINGS)}"
            else:
                said = f"<{NS}v> {chance.choice(_OTHERS + _NUMBERS + _STRINGS)}"
            lines.add(f"{subject} {said} <{graph}> .\n")
    return "".join(sorted(lines))


class Grammar:
    """Makes queries. A variable's first letter says what it holds: x nodes, n numbers, s strings, v anything."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._counting = False
        self._made = self._inside = self._named = 0

    def query(self) -> Query:
        """One query."""
        self._counting = False
        self._made = 0
        kind = self._chance.random()
        if kind < 0.1:
            pattern, _ = self.group(2)
            return Query(f"{PROLOGUE}ASK {pattern}", "ask")
        if kind < 0.2:
            return self._construct()
        if kind < 0.45:
            return self._grouped()
        return self._select()

    def _construct(self) -> Query:
        pattern, variables = self.group(2)
        nodes = [v for v in sorted(variables) if v[1] == "x"] or [":a"]
        objects = sorted(variables) or [":b"]
        template = " . ".join(
            f"{self._pick(nodes)} {self._pick(_LINKS)} {self._pick(objects)}" for _ in range(self._chance.randint(1, 2))
        )
        return Query(f"{PROLOGUE}CONSTRUCT {{ {template} }} WHERE {pattern}", "graph")

    def _select(self) -> Query:
        pattern, variables = self.group(3)
        shown = sorted(variables)
        if len(shown) > 1 and self._maybe(0.4):
            shown = sorted(self._chance.sample(shown, self._chance.randint(1, len(shown))))
        distinct = self._pick(("", "", "DISTINCT "))
        extra = f" ({self.expression(variables)} AS ?e)" if self._maybe(0.3) and not distinct else ""
        head = f"{PROLOGUE}SELECT {distinct}{self._shown(shown, variables, pattern)}{extra} WHERE {pattern}"
        if not shown or self._maybe(0.5):
            return Query(head, whole=head)
        keys = tuple((v, self._maybe(0.3)) for v in self._chance.sample(shown, self._chance.randint(1, len(shown))))
        ordered = head + " ORDER BY " + " ".join(f"DESC({v})" if down else v for v, down in keys)
        limit = self._pick((None, None, 1, 3))
        offset = self._pick((0, 0, 2)) if limit else 0
        cut = (f" LIMIT {limit}" if limit else "") + (f" OFFSET {offset}" if offset else "")
        return Query(ordered + cut, whole=ordered, keys=keys, limit=limit, offset=offset)

    def _shown(self, shown: list[str], held: set[str], pattern: str) -> str:
        """The variables of a head; a star where it means the same to all: rdflib counts those of MINUS and EXISTS."""
        if held and len(shown) == len(held) and not re.search("MINUS|EXISTS", pattern) and self._maybe(0.3):
            return "*"
        return " ".join(shown) or "?x0"

    def _grouped(self) -> Query:
        self._counting = True
        pattern, variables = self.group(2)
        held = sorted(variables)
        keys = self._chance.sample(held, min(len(held), self._pick((0, 1, 1, 2))))
        aggregates = [f"({self._aggregate(held)} AS ?{name})" for name in ("i", "j")[: self._pick((1, 1, 2))]]
        having = f" HAVING (COUNT(*) {self._pick(('>', '<='))} {self._pick((1, 2))})" if self._maybe(0.25) else ""
        group = f" GROUP BY {' '.join(keys)}" if keys else ""
        text = f"{PROLOGUE}SELECT {' '.join([*keys, *aggregates])} WHERE {pattern}{group}{having}"
        return Query(text, whole=text)

    def _aggregate(self, held: list[str]) -> str:
        numbers = [v for v in held if v[1] == "n"]
        strings = [v for v in held if v[1] == "s"]
        choices = ["COUNT(*)"]
        if held:
            choices += [f"COUNT({self._pick(held)})", f"COUNT(DISTINCT {self._pick(held)})"]
        if numbers:
            number = f"COALESCE({self._pick(numbers)}, 0)"
            choices += [f"{name}({number})" for name in ("SUM", "AVG", "MIN", "MAX")] + [f"SUM(DISTINCT {number})"]
        if strings:
            text = f"COALESCE({self._pick(strings)}, 'none')"
            choices += [f"MIN({text})", f"MAX({text})", f'GROUP_CONCAT({text}; SEPARATOR="|")']
            choices += [f'GROUP_CONCAT(DISTINCT {text}; SEPARATOR="|")']
        return self._pick(choices)

    def group(self, depth: int) -> tuple[str, set[str]]:
        """A group in braces, and the variables that may be bound in it."""
        parts, variables = [self._triples()], set[str]()
        variables |= self._seen(parts[0])
        for _ in range(self._pick((0, 0, 1, 1, 2)) if depth else 0):
            part, seen = self._part(depth - 1, variables)
            parts.append(part)
            variables |= seen
        if self._maybe(0.35):
            parts.append(f"FILTER({self.condition(variables, depth)})")
        return "{ " + " ".join(parts) + " }", variables

    def _part(self, depth: int, held: set[str]) -> tuple[str, set[str]]:
        kinds = ["optional", "optional", "union", "bind", "values", "sub", "graph", "graph", "group"]
        if not self._inside:
            kinds.append("minus")  # within a group, rdflib lets what is bound outside into it
        if self._counting:
            kinds.remove("union")  # rdflib loses rows that are given twice when it joins
        if self._named:
            kinds.remove("sub")  # the engine evaluates it over all graphs; see differences.toml
        kind = self._pick(kinds)
        if kind == "bind":
            self._made += 1
            name = f"?v9{self._made}"
            return f"BIND({self.expression(held)} AS {name})", {name}
        if kind == "values":
            return self._values(held)
        name = self._pick(("?xg", ":g0", ":g1"))
        self._inside += 1
        self._named += kind == "graph" and name == "?xg"
        inner, seen = self.group(depth)
        self._named -= kind == "graph" and name == "?xg"
        self._inside -= 1
        if kind == "union":
            self._inside += 1
            other, more = self.group(depth)
            self._inside -= 1
            return f"{inner} UNION {other}", seen | more
        if kind == "minus":
            return f"MINUS {inner}", set()
        if kind == "graph":
            return f"GRAPH {name} {inner}", seen | ({name} if name == "?xg" else set())
        if kind == "sub":
            shown = sorted(self._chance.sample(sorted(seen), self._chance.randint(1, len(seen)))) if seen else []
            for name in seen - set(shown):  # rdflib lets what is bound outside into a sub-select, whatever it shows
                self._made += 1
                inner = re.sub(rf"\{name}\b", f"{name}h{self._made}", inner)
            return f"{{ SELECT DISTINCT {' '.join(shown) or '?x0'} WHERE {inner} }}", set(shown)
        return (f"OPTIONAL {inner}" if kind == "optional" else inner), seen

    def _values(self, held: set[str]) -> tuple[str, set[str]]:
        name = self._pick(sorted(v for v in held if v[1] == "x") or ["?x0"])
        if self._maybe(0.3):
            rows = self._chance.sample(("(:a 1)", "(:b 2)", "(:c UNDEF)", "(UNDEF 10)", "(UNDEF UNDEF)"), 2)
            return f"VALUES ({name} ?n5) {{ {' '.join(rows)} }}", {name, "?n5"}
        return f"VALUES {name} {{ {' '.join(self._chance.sample((':a', ':b', ':c', ':d'), 2))} }}", {name}

    def _triples(self) -> str:
        return " ".join(f"{self._triple()} ." for _ in range(self._pick((1, 1, 2, 2, 3))))

    def _triple(self) -> str:
        subject = self._pick(("?x0", "?x1", "?x2", "?x0", "?x1", ":a", ":b"))
        kind = self._chance.random()
        if kind < 0.35:
            return f"{subject} {self._pick(_LINKS)} {self._pick(('?x0', '?x1', '?x2', ':a', ':c'))}"
        if kind < 0.5:
            return self._walk(subject, self._pick(("?x0", "?x1", "?x2", ":a")))
        if kind < 0.65:
            return f"{subject} :n {self._pick(('?n0', '?n1', '1', '2.5'))}"
        if kind < 0.8:
            return f"{subject} :s {self._pick(('?s0', '?s1'))}"
        if kind < 0.92:
            return f"{subject} :v ?v0"
        return f"{subject} ?xp {self._pick(('?x1', '?v1'))}"

    def _walk(self, subject: str, target: str) -> str:
        """A path; a compound one is asked for its pairs alone, since the engines differ in how often they give one."""
        if self._named or (self._maybe(0.5) and (subject + target).count("?")):
            link = self._pick(_LINKS)
            return f"{subject} {self._pick((f'^{link}', *_NEGATED))} {target}"
        if subject == target:  # rdflib finds such ends where there are none
            target = ":c"
        ends = " ".join(sorted({end for end in (subject, target) if end.startswith("?")})) or "(1 AS ?one)"
        return f"{{ SELECT DISTINCT {ends} WHERE {{ {subject} {self._path(2)} {target} }} }}"

    def _path(self, depth: int) -> str:
        kind = self._pick(("link", "star", "plus", "maybe", "sequence", "either", "inverse", "not"))
        if kind == "link" or not depth:
            return self._pick(_LINKS)
        if kind == "not":
            return self._pick(_NEGATED)
        if kind == "sequence":  # of repetitions, rdflib gives the same pair several times, DISTINCT or not
            return f"({self._path(0)}/{self._path(0)})"
        one, other = self._path(depth - 1), self._path(depth - 1)
        return {
            "star": f"({one})*", "plus": f"({one})+", "maybe": f"({one})?",
            "either": f"({one}|{other})", "inverse": f"^{self._path(0)}",
        }[kind]  # fmt: skip

    def condition(self, held: set[str], depth: int = 0) -> str:
        """A Boolean expression."""
        kind = self._chance.random()
        if kind < 0.12 and depth:  # rdflib takes an error beside && or || for an error of the whole
            return f"{self.condition(held, depth)} {self._pick(('&&', '||'))} {self.condition(held, depth)}"
        if kind < 0.2:
            return f"!({self.condition(held)})"
        if kind < 0.3 and depth and not self._inside:
            return f"{self._pick(('EXISTS', 'NOT EXISTS'))} {{ {self._triples()} }}"
        any_, variable = self._any(held), self._pick(sorted(held) or ["?x0"])
        return self._pick((
            f"BOUND({variable})", f"isIRI({any_})", f"isBlank({any_})", f"isLiteral({any_})",
            f"IF(BOUND({variable}), isNumeric({variable}), false)",
            f"{self.number(held)} {self._pick(_SIGNS)} {self.number(held)}",
            f"{self.string(held)} {self._pick(_SIGNS)} {self.string(held)}",
            f"REGEX({self.string(held)}, {self._pick(_REGEXES)})",
            f"CONTAINS({self.string(held)}, 'a')", f"STRSTARTS({self.string(held)}, 'a')",
            f"STRENDS({self.string(held)}, 'c')", f"LANGMATCHES(LANG({any_}), '{self._pick(_RANGES)}')",
            f"{self._node(held)} {self._pick(('=', '!='))} {self._node(held)}", f"sameTerm({any_}, {self._any(held)})",
            f"{self._node(held)} {self._pick(('IN', 'NOT IN'))} (:a, :b)",
        ))  # fmt: skip

    def expression(self, held: set[str]) -> str:
        """An expression of any type."""
        any_ = self._any(held)
        return self._pick((
            self.number(held), self.number(held), self.string(held), self.string(held), any_, self.condition(held),
            f"IF({self.condition(held)}, {self.number(held)}, {self.string(held)})",
            f"COALESCE({self._any(held)}, {self.number(held)}, 'none')", f"DATATYPE({any_})", f"LANG({any_})",
            f"STRDT({self.string(held)}, :type)", f"STRLANG({self.string(held)}, 'en')", "IRI(CONCAT(STR(:x), 'y'))",
           
        ))  # fmt: skip

    def number(self, held: set[str], depth: int = 2) -> str:
        """An expression that is a number where it is no error."""
        simple = [*(v for v in sorted(held) if v[1] == "n"), "1", "2", "0.5", "-3"]
        if not depth or self._maybe(0.5):
            return self._pick(simple)
        one, other = self.number(held, depth - 1), self.number(held, depth - 1)
        return self._pick((
            f"({one} {self._pick(('+', '-', '*', '/'))} {other})", f"ABS({one})", f"CEIL({one})", f"FLOOR({one})",
            f"ROUND({one})", f"STRLEN({self.string(held, depth - 1)})", f"(- {one})",
            f"YEAR({self._any(held)})", f"xsd:double({one})",
        ))  # fmt: skip

    def string(self, held: set[str], depth: int = 2) -> str:
        """An expression that is a string where it is no error."""
        simple = [
            *(f"COALESCE({v}, 'none')" for v in sorted(held) if v[1] == "s"),
            '"a"',
            '"abc"',
            '"été"',
            f"STR({self._spelt(held)})",
        ]
        if not depth or self._maybe(0.5):
            return self._pick(simple)
        one, other = self.string(held, depth - 1), self.string(held, depth - 1)
        return self._pick((
            f"UCASE({one})", f"LCASE({one})", f"CONCAT({one}, {other})", f"SUBSTR({one}, {self._pick((1, 2))})",
            f"SUBSTR({one}, 1, 2)", f"REPLACE({one}, '[ab]', '-')", f"STRBEFORE({one}, 'b')",
            f"STRAFTER({one}, 'a')", f"ENCODE_FOR_URI({one})", f"MD5({one})", f"SHA256({one})",
        ))  # fmt: skip

    def _any(self, held: set[str]) -> str:
        return self._pick([*sorted(held), *sorted(held), ":a", "1", '"chat"@fr'])

    def _spelt(self, held: set[str]) -> str:
        """Something that is no blank node, to which rdflib gives a string."""
        name = self._any(held)
        return f'COALESCE(IF(isBlank({name}), "blank", {name}), "none")'

    def _node(self, held: set[str]) -> str:
        return self._pick([*(v for v in sorted(held) if v[1] == "x"), ":a", ":b"])

    def _pick(self, choices: Sequence[Any]) -> Any:
        return self._chance.choice(choices)

    def _maybe(self, probability: float) -> bool:
        return self._chance.random() < probability

    @staticmethod
    def _seen(text: str) -> set[str]:
        return {word.strip("().") for word in text.split() if word.startswith("?")}
