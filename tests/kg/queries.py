"""Random graphs and random SELECT queries over them, for comparing two ways to the same answer."""

from __future__ import annotations

import random

NAMES = "PREFIX : <http://example.org/>\nPREFIX xsd: <http://www.w3.org/2001/XMLSchema#>\n"
_LITERALS = (
    "1", "2", "10", "-3", "0", "1.5", "2.0", "-0.25", "10.125", "1e0", "true", '"a"', '"b"', '"ab c"', '"ab"@en',
    '"a"@fr', '"masque"@fr', '"Mask"@en', '"10"', '"2020-01-05"^^xsd:date', '"2021-11-30"^^xsd:date',
    '"2020-01-05Z"^^xsd:date', '"2020"^^xsd:gYear', '"x"^^:own', '"a\\"b"', '"line\\nbreak"', '"é"', '"masK"',
    "100000000000", "0.0000000001", '"2020-03-01T00:00:00Z"^^xsd:dateTime',
)  # fmt: skip
_FILTERS = (
    "{v} > 1",
    "{v} <= 2.0",
    "{v} = 2",
    "{v} != 1.5",
    "2 < {v}",
    "{v} = 'a'",
    "{v} IN (1, 'a', :s1)",
    "LANG({v}) = 'fr'",
    "isIRI({v})",
    "isLiteral({v})",
    "CONTAINS({v}, 'a')",
    "CONTAINS(LCASE(STR({v})), 'mask')",
    "STRSTARTS(STR({v}), 'a')",
    "{v} >= '2020-06-01'^^xsd:date",
    "{v} = :s2",
    "{v} != {w}",
    "{v} = {w}",
    "{v} < {w}",
    "!({v} = 1)",
    "BOUND({v})",
    "{v} > 0 && {w} > 0",
    "{v} > 0 || {w} > 0",
    "REGEX(STR({v}), '^m.*e')",
    "YEAR({v}) = 2020",
    "{v} = 1 && {w} != 2 ",
    "REGEX({v}, 'MASK', 'i')",
    "LANGMATCHES(LANG({v}), '*')",
    "STRLEN(STR({v})) < 3",
    "DATATYPE({v}) = xsd:integer",
    "{v} > -1",
    "{v} = {nobody}",
    "COALESCE({nobody}, 1) = 1",
    "CONTAINS({v}, 'k')",
    "xsd:integer({v}) > 1",
)
_BINDS = ("YEAR({v})", "LANG({v})", "{v} + 1", "STR({v})", "{v}", "IF({v} > 1, 'much', 'little')", "MONTH({v})", "1")


class Chance:
    """Draws graphs and queries from one seed.

    ORDER BY is only drawn where values are of one kind: the engine has no total order over all, and ends the process
    when its sort notices.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._homogeneous = self._random.random() < 0.5

    def graph(self) -> str:
        """Turtle: subjects s0 …, predicates p0 …; in half of the graphs the values of p4 and above are of one kind."""
        pick = self._random
        lines = []
        for _ in range(pick.choice((3, 200, 300, 500))):
            predicate = pick.randrange(8)
            if predicate < 4:
                target = f":s{pick.randrange(8)}"
            elif self._homogeneous:
                kinds = [str(pick.randrange(-5, 5)), f"{pick.randrange(-99, 99) / 10}", f'"{pick.choice("abcd")}"']
                kinds.append(f'"202{pick.randrange(4)}-0{pick.randrange(1, 9)}-11"^^xsd:date')
                target = kinds[predicate - 4]
            else:
                target = pick.choice(_LITERALS)
            if pick.random() < 0.02:
                target = pick.choice(("[]", "<<( :s1 :p1 :s2 )>>", '"a"@en--ltr'))
            lines.append(f":s{pick.randrange(8)} :p{predicate} {target} .")
        return NAMES.replace("PREFIX", "@prefix").replace(">\n", "> .\n") + "\n".join(lines)

    def query(self) -> tuple[str, bool]:
        """A query, and whether ORDER BY fixes the order of its whole answer."""
        names = [f"?v{number}" for number in range(4)]
        where = self._group(names, 0)
        used = [name for name in names if name in where] or ["?v0"]
        if self._random.random() < 0.5:
            return self._grouped(where, used)
        return self._plain(where, used)

    def _plain(self, where: str, used: list[str]) -> tuple[str, bool]:
        pick = self._random
        chosen = pick.sample(used, pick.randrange(1, len(used) + 1))
        head = "*" if pick.random() < 0.2 else " ".join(chosen)
        if pick.random() < 0.15:
            head = f"{' '.join(chosen)} (STR({chosen[0]}) AS ?text)"
        distinct = pick.choice(("", "", "DISTINCT "))
        order, fixed = "", False
        if self._homogeneous and pick.random() < 0.5 and head == " ".join(chosen):
            order = " ORDER BY " + " ".join(pick.choice(("{}", "DESC({})", "ASC({})")).format(n) for n in chosen)
            order, fixed = order + pick.choice(("", f" LIMIT {pick.randrange(6)}", " LIMIT 4 OFFSET 2")), True
        return f"{NAMES}SELECT {distinct}{head} WHERE {{ {where} }}{order}", fixed

    def _grouped(self, where: str, used: list[str]) -> tuple[str, bool]:
        pick = self._random
        keys = pick.sample(used, pick.choice((0, 1, 1, 1, 2)) if len(used) > 1 else pick.randrange(2))
        calls = []
        for number in range(pick.randrange(1, 4)):
            function = pick.choice(("COUNT", "COUNT", "SUM", "AVG", "MIN", "MAX"))
            inner = pick.choice(("", "DISTINCT ")) + pick.choice(used)
            inner = "*" if function == "COUNT" and pick.random() < 0.3 else inner
            more = pick.choice(("{}", "{}", "({} + 1)", "STR({})")).format(f"{function}({inner})")
            calls.append(f"({more} AS ?a{number})")
        text = f"SELECT {' '.join(keys)} {' '.join(calls)} WHERE {{ {where} }}"
        text += f" GROUP BY {' '.join(keys)}" if keys else ""
        if pick.random() < 0.3:
            text += f" HAVING({pick.choice(('COUNT(*)', 'SUM(' + pick.choice(used) + ')'))} > 1)"
        fixed = self._homogeneous and pick.random() < 0.5
        if fixed:
            text += pick.choice((" ORDER BY DESC(?a0) ", " ORDER BY ?a0 ")) + " ".join(keys)
            text += pick.choice(("", " LIMIT 3", " LIMIT 3 OFFSET 1"))
        return NAMES + text, fixed

    def _group(self, names: list[str], depth: int) -> str:
        pick = self._random
        first = pick.randrange(3) if depth else 0
        parts = [self._triple(names, first + at) for at in range(pick.choice((1, 1, 2, 2, 3)))]
        for _ in range(pick.choice((0, 0, 0, 0, 1, 1, 2))):
            form = pick.choice(_FILTERS)
            parts.append(f"FILTER({form.format(v=pick.choice(names), w=pick.choice(names), nobody='?nobody')})")
        if depth == 0:
            if pick.random() < 0.2:
                parts.append(f"OPTIONAL {{ {self._group(names, 1)} }}")
            if pick.random() < 0.15:
                parts.append(
                    pick.choice(("FILTER NOT EXISTS", "FILTER EXISTS", "MINUS")) + f" {{ {self._group(names, 1)} }}"
                )
            if pick.random() < 0.15:
                branches = [f"{{ {self._group(names, 1)} }}" for _ in range(pick.choice((1, 2, 2, 3)))]
                parts.insert(0 if pick.random() < 0.8 else len(parts), " UNION ".join(branches))
            if pick.random() < 0.15:
                parts.append(
                    f"BIND({pick.choice(_BINDS).format(v=pick.choice(names))} AS {pick.choice(('?made', '?v3'))})"
                )
            if pick.random() < 0.3:
                pick.shuffle(parts)
        return " . ".join(parts)

    def _triple(self, names: list[str], number: int) -> str:
        """A pattern that mostly goes on from the ones before it to a variable of its own."""
        pick = self._random
        subject = names[0] if pick.random() < 0.8 else pick.choice((*names, f":s{pick.randrange(9)}"))
        predicate = pick.randrange(8)
        step = f":p{predicate}" if pick.random() < 0.95 else ":p9"
        target = names[1 + number % 3] if pick.random() < 0.8 else pick.choice(names)
        if pick.random() < 0.15:
            target = f":s{pick.randrange(9)}" if predicate < 4 else pick.choice(_LITERALS)
        path = pick.choice((*[step] * 9, f"{step}+", f"^{step}", f"{step}/:p{pick.randrange(8)}", "?p"))
        more = f" ; :p{pick.randrange(8)} {pick.choice(names[1:])}" if pick.random() < 0.15 else ""
        return f"{subject} {path} {target}{more}"
