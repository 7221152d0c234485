"""What is read of a query that columns may answer: patterns, groups, aggregates, and the clauses around them."""

from __future__ import annotations

from dataclasses import dataclass, field

from kg.sparql import guard

OWN = "_columns_"  # the beginning of the names of our own variables


class Declined(Exception):
    """The query, or what it would take, is not for columns."""


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression as it stands in the query, its variables, and its tokens without the brackets around them."""

    text: str
    variables: tuple[str, ...]
    tokens: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Path:
    """A predicate: a constant, a variable (`?p`), or with `plus` one or more steps of the constant."""

    term: str
    plus: bool = False


@dataclass(frozen=True, slots=True)
class Pattern:
    """Subject and object are variables (`?a`) or constants in SPARQL's own spelling."""

    subject: str
    path: Path
    object: str

    @property
    def variables(self) -> list[str]:
        """Those of the three."""
        return [term for term in (self.subject, self.path.term, self.object) if term.startswith("?")]


@dataclass(slots=True)
class Group:
    """A group graph pattern. `later` are OPTIONAL, MINUS and BIND in their order; `tests` are [NOT] EXISTS."""

    patterns: list[Pattern] = field(default_factory=list)
    filters: list[Expression] = field(default_factory=list)
    tests: list[tuple[bool, Group]] = field(default_factory=list)
    later: list[tuple[str, Group | Expression, str]] = field(default_factory=list)
    branches: list[Group] = field(default_factory=list)
    mentioned: set[str] = field(default_factory=set)

    @property
    def certain(self) -> set[str]:
        """The variables that are bound in every solution."""
        out = {name for pattern in self.patterns for name in pattern.variables}
        return out | (set.intersection(*(branch.certain for branch in self.branches)) if self.branches else set())


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A call of an aggregate: `variable` is "" for COUNT(*); `name` is the variable that stands for its value."""

    function: str
    distinct: bool
    variable: str
    name: str


@dataclass(slots=True)
class Plan:
    """A SELECT: texts are those of the query, with our variables in place of its aggregates."""

    prologue: str
    distinct: str
    projection: str
    projected: list[str]
    where: Group
    keys: list[str]
    grouped: bool
    aggregates: list[Aggregate]
    having: str
    order: str
    ordered: list[tuple[str, bool]] | None  # (variable, descending); None where an expression orders
    limit: int | None
    offset: int
    aliases: dict[str, str]  # variable → our variable, where the projection renames an aggregate


def variables(group: Group) -> set[str]:
    """Every variable that a group names."""
    out = set(group.certain) | group.mentioned
    for expression in group.filters:
        out |= set(expression.variables)
    for _, inner in group.tests:
        out |= variables(inner)
    for branch in group.branches:
        out |= variables(branch)
    return out


def named_in(text: str) -> set[str]:
    """The variables of a piece of a query."""
    return {"?" + said[1:] for kind, said, _ in guard.tokens(text) if kind == "variable"}


def conjuncts(expression: Expression) -> list[Expression]:
    """`a && b` as a and b: a solution stays when both are true, whatever errors the other cases hold."""
    depth = 0
    parts: list[list[tuple[str, str]]] = [[]]
    for kind, text in expression.tokens:
        depth += (kind == "open") - (kind == "close")
        if depth == 0 and text == "||":
            return [expression]
        if depth == 0 and text == "&&":
            parts.append([])
        else:
            parts[-1].append((kind, text))
    if len(parts) == 1:
        return [expression]
    out: list[Expression] = []
    texts = _cut(expression)
    for part, text in zip(parts, texts, strict=True):
        names = tuple("?" + said[1:] for kind, said in part if kind == "variable")
        out.append(Expression(text, names, tuple(part)))
    return out


def _cut(expression: Expression) -> list[str]:
    depth, begin, out = 0, 0, []
    for kind, text, at in guard.tokens(expression.text):
        depth += (kind == "open") - (kind == "close")
        if depth == 0 and text == "&&":
            out.append(expression.text[begin:at])
            begin = at + 2
    return [*out, expression.text[begin:]]
