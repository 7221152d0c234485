"""Reads the SELECT queries that columns can answer; everything else is `Declined`, which is no mistake of the query.

Expressions are not read but cut out: they go to the engine as they stand, over the few values they are asked of. What
is read here is therefore patterns, groups and the clauses around them, by the grammar of SPARQL 1.1, section 19.8.
"""

from __future__ import annotations

from kg.sparql import guard
from kg.sparql.plan import OWN, Aggregate, Declined, Expression, Group, Path, Pattern, Plan, conjuncts, variables

_AGGREGATES = frozenset({"COUNT", "SUM", "MIN", "MAX", "AVG", "SAMPLE"})
# What an expression may not hold: other patterns, other aggregates, and what gives another value each time.
_BARRED = frozenset(
    {"EXISTS", "SELECT", "GROUP_CONCAT", "BNODE", "RAND", "NOW", "UUID", "STRUUID", "TRIPLE", "SERVICE", "GRAPH"}
)
_SIMPLE_IRI = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/#.-_~%@=&;,+")
_MOST_PATTERNS = 16


def read(query: str) -> Plan:
    """The plan of a query. Raises Declined."""
    if "\\u" in query or "\\U" in query or OWN in query:
        raise Declined
    return _Reader(query).plan()


class _Reader:
    def __init__(self, query: str) -> None:
        self._query = query
        self._tokens = [(kind, text, at, at + len(text)) for kind, text, at in guard.tokens(query)]
        self._tokens.append(("end", "", len(query), len(query)))
        self._at = 0
        self._fresh = 0
        self._prefixes: dict[str, str] = {}
        self._aggregates: dict[tuple[str, bool, str], Aggregate] = {}
        self._aliases: dict[str, str] = {}

    # Tokens

    @property
    def _kind(self) -> str:
        return self._tokens[self._at][0]

    @property
    def _text(self) -> str:
        return self._tokens[self._at][1]

    def _word(self, *words: str) -> bool:
        """Whether the next tokens are these words, or signs; then they are behind us."""
        for place, word in enumerate(words):
            kind, text, *_ = self._tokens[min(self._at + place, len(self._tokens) - 1)]
            if kind in ("string", "iri", "end") or text.upper() != word:
                return False
        self._at += len(words)
        return True

    def _expect(self, word: str) -> None:
        if not self._word(word):
            raise Declined

    def _variable(self) -> str:
        if self._kind != "variable":
            raise Declined
        self._at += 1
        return "?" + self._tokens[self._at - 1][1][1:]

    # Clauses

    def plan(self) -> Plan:
        """The whole query."""
        while self._word("PREFIX"):
            name, iri = self._tokens[self._at][1], self._tokens[self._at + 1][1]
            if not name.endswith(":") or self._tokens[self._at + 1][0] != "iri":
                raise Declined
            self._prefixes[name] = _iri(iri)[:-1]
            self._at += 2
        prologue = self._query[: self._tokens[self._at][2]]
        self._expect("SELECT")
        distinct = next((word for word in ("DISTINCT", "REDUCED") if self._word(word)), "")
        projection, projected = self._projection()
        self._word("WHERE")
        where = self._group()
        keys, grouped = self._group_by(where)
        having = self._having() if self._word("HAVING") else ""
        order, ordered = self._order() if self._word("ORDER", "BY") else ("", [])
        limit, offset = self._slice()
        if self._kind != "end":
            raise Declined
        aggregates = list(self._aggregates.values())
        grouped = grouped or bool(aggregates)
        return Plan(
            prologue, distinct, projection, projected, where, keys, grouped, aggregates, having, order, ordered, limit,
            offset, self._aliases,
        )  # fmt: skip

    def _projection(self) -> tuple[str, list[str]]:
        if self._word("*"):
            return "*", []
        out: list[str] = []
        used: list[str] = []
        while not (self._kind == "open" and self._text == "{") and self._text.upper() != "WHERE":
            if self._kind == "variable":
                used.append(self._variable())
                out.append(used[-1])
                continue
            expression = self._bracketed(aggregates=True)
            used += expression.variables
            words = expression.text.split()
            if len(words) == 3 and words[0].startswith(f"?{OWN}"):
                self._aliases[expression.variables[-1]] = words[0]
            out.append(f"({expression.text}\n)")
        return " ".join(out), used

    def _group_by(self, where: Group) -> tuple[list[str], bool]:
        if not self._word("GROUP", "BY"):
            return [], False
        keys: list[str] = []
        while self._kind == "variable" or self._text == "(":
            if self._kind == "variable":
                keys.append(self._variable())
                continue
            expression = self._bracketed()
            kinds = [token for token, _ in expression.tokens[-2:]]
            if kinds != ["word", "variable"] or expression.tokens[-2][1].upper() != "AS":
                raise Declined
            name = expression.variables[-1]
            cut = expression.text.upper().rindex("AS")
            inner = Expression(expression.text[:cut], expression.variables[:-1], expression.tokens[:-2])
            _bind(where, inner, name)
            keys.append(name)
        if not keys:
            raise Declined
        return keys, True

    def _having(self) -> str:
        out = ""
        while self._text == "(":
            out += f" FILTER({self._bracketed(aggregates=True).text}\n)"
        if not out:
            raise Declined
        return out

    def _order(self) -> tuple[str, list[tuple[str, bool]] | None]:
        out: list[str] = []
        ordered: list[tuple[str, bool]] | None = []
        while True:
            if self._kind == "variable":
                name, falls = self._variable(), False
                out.append(name)
            elif self._text.upper() in ("ASC", "DESC") or self._text == "(":
                word = "" if self._text == "(" else self._text.upper()
                self._at += bool(word)
                expression = self._bracketed(aggregates=True)
                out.append(f"{word}({expression.text}\n)")
                falls = word == "DESC"
                name = expression.variables[0] if [kind for kind, _ in expression.tokens] == ["variable"] else ""
            else:
                break
            ordered = [*ordered, (name, falls)] if name and ordered is not None else None
        if not out:
            raise Declined
        return "ORDER BY " + " ".join(out), ordered

    def _slice(self) -> tuple[int | None, int]:
        limit, offset = None, 0
        for _ in range(2):
            for word in ("LIMIT", "OFFSET"):
                if self._word(word):
                    if self._kind != "number" or not self._text.isdigit():
                        raise Declined
                    limit, offset = (int(self._text), offset) if word == "LIMIT" else (limit, int(self._text))
                    self._at += 1
        return limit, offset

    # Groups

    def _group(self) -> Group:
        self._expect("{")
        out = Group()
        while not self._word("}"):
            if self._word("FILTER"):
                self._filter(out)
            elif self._word("OPTIONAL"):
                self._put_later(out, "optional", self._group())
            elif self._word("MINUS"):
                self._put_later(out, "minus", self._group())
            elif self._word("BIND"):
                expression = self._bracketed()
                if [kind for kind, _ in expression.tokens[-2:]] != ["word", "variable"]:
                    raise Declined
                cut = expression.text.upper().rindex("AS")
                inner = Expression(expression.text[:cut], expression.variables[:-1], expression.tokens[:-2])
                _bind(out, inner, expression.variables[-1])
            elif self._text == "{":
                self._union(out)
            else:
                self._triples(out)
            self._word(".")
        if len(out.patterns) > _MOST_PATTERNS:
            raise Declined
        return out

    def _put_later(self, out: Group, what: str, inner: Group) -> None:
        if inner.branches or any(kind == "bind" for kind, *_ in inner.later):
            raise Declined
        out.later.append((what, inner, ""))
        out.mentioned |= variables(inner)

    def _union(self, out: Group) -> None:
        if out.branches or out.later:
            raise Declined
        out.branches = [self._group()]
        while self._word("UNION"):
            out.branches.append(self._group())
        if any(branch.branches for branch in out.branches):
            raise Declined

    def _filter(self, out: Group) -> None:
        if self._word("EXISTS"):
            out.tests.append((True, self._group()))
        elif self._word("NOT", "EXISTS"):
            out.tests.append((False, self._group()))
        else:
            out.filters += conjuncts(self._bracketed(call=True))

    def _triples(self, out: Group) -> None:
        subject = self._term()
        while True:
            path, steps = self._path()
            while True:
                self._put(out, subject, [*path], self._term(), steps)
                if not self._word(","):
                    break
            while self._word(";"):
                pass
            if self._text in (".", "}", "{") or self._text.upper() in ("FILTER", "OPTIONAL", "MINUS", "BIND"):
                return

    def _put(self, out: Group, subject: str, path: list[tuple[Path, bool]], target: str, steps: int) -> None:
        at = subject
        for place, (step, inverse) in enumerate(path):
            end = target
            if place < steps - 1:
                self._fresh += 1
                end = f"?{OWN}{self._fresh}"
            pattern = Pattern(end, step, at) if inverse else Pattern(at, step, end)
            # What is joined after an OPTIONAL, MINUS or BIND may not touch what those may have seen or bound.
            if set(pattern.variables) & (out.mentioned - out.certain):
                raise Declined
            out.patterns.append(pattern)
            at = end

    def _path(self) -> tuple[list[tuple[Path, bool]], int]:
        if self._kind == "variable":
            return [(Path(self._variable()), False)], 1
        out: list[tuple[Path, bool]] = []
        while True:
            inverse = self._word("^")
            if self._word("A"):
                term = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
            elif self._kind in ("iri", "name"):
                term = self._term()
            else:
                raise Declined
            out.append((Path(term, self._word("+")), inverse))
            if self._text in ("*", "|", "?"):
                raise Declined
            if not self._word("/"):
                return out, len(out)

    def _term(self) -> str:
        kind, text = self._kind, self._text
        if kind == "variable":
            return self._variable()
        self._at += 1
        if kind == "iri":
            return _iri(text)
        if kind == "name":
            prefix, _, local = text.partition(":")
            if prefix == "_" or "\\" in local or f"{prefix}:" not in self._prefixes:
                raise Declined
            return f"{self._prefixes[f'{prefix}:']}{local}>"
        if kind == "string":
            if self._kind == "language":
                self._at += 1
                return text + self._tokens[self._at - 1][1]
            if self._word("^^"):
                return f"{text}^^{self._term()}"
            return text
        if kind == "number" or text in ("true", "false"):
            return text
        raise Declined

    # Expressions

    def _bracketed(self, *, aggregates: bool = False, call: bool = False) -> Expression:
        """What stands in brackets; with `call` also REGEX(…) and its like, brackets and name included."""
        begin = self._at
        if call and self._kind in ("word", "name", "iri") and self._tokens[self._at + 1][1] == "(":
            self._at += 1
        outside = begin != self._at
        self._expect("(")
        inner, depth = self._at, 1
        pieces: list[str] = []
        copied = self._tokens[begin if outside else inner][2]
        while depth:
            kind, text, start, _ = self._tokens[self._at]
            if kind in ("end", "other") and text != ",":
                raise Declined
            if text in ("{", "[") or text in ("<<", ">>") or (kind == "word" and text.upper() in _BARRED):
                raise Declined
            if kind == "iri":
                _iri(text)
            if kind == "word" and text.upper() in _AGGREGATES and self._tokens[self._at + 1][1] == "(":
                if not aggregates:
                    raise Declined
                pieces += [self._query[copied:start], f"{self._aggregate()} "]
                copied = self._tokens[self._at][2]
                continue
            depth += (kind == "open") - (kind == "close")
            self._at += 1
        end = self._at if outside else self._at - 1
        pieces.append(self._query[copied : self._tokens[end][2] if not outside else self._tokens[end - 1][3]])
        said = [(kind, text) for kind, text, *_ in self._tokens[begin if outside else inner : end]]
        names = ["?" + text[1:] for kind, text in said if kind == "variable"]
        return Expression("".join(pieces), tuple(names), tuple(said))

    def _aggregate(self) -> str:
        function = self._text.upper()
        self._at += 1
        self._expect("(")
        distinct = self._word("DISTINCT")
        variable = "" if self._word("*") else self._variable()
        self._expect(")")
        if not variable and (function != "COUNT" or distinct):
            raise Declined
        key = function, distinct, variable
        if key not in self._aggregates:
            self._aggregates[key] = Aggregate(*key, f"?{OWN}a{len(self._aggregates)}")
        name = self._aggregates[key].name
        return f"IF({name} = 0, 0, {name}_sum / {name})" if function == "AVG" else name


def _iri(text: str) -> str:
    """An IRI that no parser could read as anything else, nor as relative."""
    if not set(text[1:-1]) <= _SIMPLE_IRI or not text[1:-1].partition(":")[0].isalnum() or ":" not in text:
        raise Declined
    return text


def _bind(group: Group, expression: Expression, name: str) -> None:
    known = group.certain | group.mentioned
    if name in known or not set(expression.variables) <= group.certain | {n for k, _, n in group.later if k == "bind"}:
        raise Declined
    group.later.append(("bind", expression, name))
    group.mentioned.add(name)
