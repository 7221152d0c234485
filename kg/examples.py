"""The example queries of ontology/queries: one question a file, published as linked data.

Source of the form: the SPARQL examples of SIB (https://github.com/sib-swiss/sparql-examples), which say with SHACL
what a query is; DESCRIBE and the endpoints a query reaches have terms of SIB's own.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kg import rdf
from kg import vocabulary as v
from kg.errors import NotFound, OntologyError
from kg.terms import Statement, Term, iri, literal

# Form of a query → its class, and the property that holds its text.
_FORMS = {
    "select": (v.SHACL + "SPARQLSelectExecutable", v.SHACL + "select"),
    "ask": (v.SHACL + "SPARQLAskExecutable", v.SHACL + "ask"),
    "construct": (v.SHACL + "SPARQLConstructExecutable", v.SHACL + "construct"),
    "describe": (v.SPEX + "SPARQLDescribeExecutable", v.SPEX + "describe"),
}
_HEAD = re.compile(r"^# (Question|Question fr|Says|Keywords|Reaches): (.+)$", re.MULTILINE)
_PREFIX = re.compile(r"^PREFIX (\w+): <([^>]+)>$", re.MULTILINE)
_FORM = re.compile(r"^(SELECT|ASK|CONSTRUCT|DESCRIBE)\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Example:
    """A query and the question it answers. `reaches` are the endpoints its SERVICE clauses ask; `text` is the file."""

    name: str
    question: str
    question_fr: str
    says: str
    keywords: tuple[str, ...]
    form: str
    query: str
    text: str
    prefixes: tuple[tuple[str, str], ...]
    reaches: tuple[str, ...]

    @property
    def iri(self) -> str:
        """The example's own IRI."""
        return v.EXAMPLE + self.name

    @property
    def topic(self) -> str:
        """The first keyword, by which examples are grouped."""
        return self.keywords[0]

    def asked_in(self, lang: str) -> str:
        """The question in French, or in English for any other language."""
        return self.question_fr if lang == "fr" else self.question


def read(file: Path) -> Example:
    """A query file: the comment lines `# Question:`, `# Question fr:`, `# Says:`, `# Keywords:`, and `# Reaches:` for
    one that asks another endpoint; then its prefixes and the query. Raises OntologyError naming the file."""
    text = file.read_text(encoding="utf-8")
    head = dict(_HEAD.findall(text))
    missing = [key for key in ("Question", "Question fr", "Says", "Keywords") if key not in head]
    if missing:
        raise OntologyError(f"queries/{file.name} lacks the line '# {missing[0]}: …'.", "Write it on top of the file.")
    problem = rdf.query_error(text)
    if problem:
        raise OntologyError(f"queries/{file.name} is not a query: {problem}", "Correct the query.")
    form = _FORM.search(text)
    if form is None:
        raise OntologyError(f"queries/{file.name} has no line that begins with SELECT or its like.", "Write it so.")
    return Example(
        name=file.stem,
        question=head["Question"],
        question_fr=head["Question fr"],
        says=head["Says"],
        keywords=tuple(word.strip() for word in head["Keywords"].split(",")),
        form=form.group().lower(),
        query=re.sub(r"\A(?:#.*\n)+", "", text),
        text=text,
        prefixes=tuple(_PREFIX.findall(text)),
        reaches=tuple(head.get("Reaches", "").split()),
    )


@cache
def examples() -> tuple[Example, ...]:
    """Every example, by name. Raises OntologyError for a file that is wrong, or that gives a prefix another meaning."""
    found = tuple(read(file) for file in sorted((v.ontology_folder() / "queries").glob("*.rq")))
    known: dict[str, str] = {}
    for one in found:
        for prefix, namespace in one.prefixes:
            if known.setdefault(prefix, namespace) != namespace:
                problem = f"queries/{one.name}.rq says that {prefix}: is <{namespace}>, another says <{known[prefix]}>."
                raise OntologyError(problem, "Use one of them.")
    return found


def example(name: str) -> Example:
    """The example of that name. Raises NotFound, which names those that are spelt alike."""
    by_name = {one.name: one for one in examples()}
    if name in by_name:
        return by_name[name]
    alike = difflib.get_close_matches(name, by_name, 3, 0.5)
    mend = (
        f"Did you mean {' or '.join(alike)}?"
        if alike
        else "'filiere sparql --examples' and /sparql/examples list them."
    )
    raise NotFound(f"There is no example {name[:80]!r}.", mend)


def statements(found: Iterable[Example], endpoint: str) -> list[Statement]:
    """The examples as SHACL executables whose target is the endpoint at that address."""
    out: list[Statement] = []
    prefixes: dict[str, str] = {}
    holder = v.EXAMPLE + "prefixes"

    def say(subject: str, predicate: str, *targets: Term) -> None:
        out.extend((iri(subject), iri(predicate), target) for target in targets)

    for one in found:
        cls, holds = _FORMS[one.form]
        say(one.iri, v.TYPE, iri(v.SHACL + "SPARQLExecutable"), iri(cls))
        say(one.iri, v.RDFS + "comment", literal(one.question, "en"), literal(one.question_fr, "fr"))
        say(one.iri, v.DCT + "description", literal(one.says, "en"))
        say(one.iri, v.DCT + "identifier", literal(one.name))
        say(one.iri, v.SCHEMA + "keywords", *map(literal, one.keywords))
        say(one.iri, v.SCHEMA + "target", iri(endpoint))
        say(one.iri, v.SHACL + "prefixes", iri(holder))
        say(one.iri, holds, literal(one.query))
        say(one.iri, v.SPEX + "federatesWith", *map(iri, one.reaches))
        prefixes.update(one.prefixes)
    for prefix, namespace in sorted(prefixes.items()):
        declared = f"{holder}/{prefix}"
        say(holder, v.SHACL + "declare", iri(declared))
        say(declared, v.TYPE, iri(v.SHACL + "PrefixDeclaration"))
        say(declared, v.SHACL + "prefix", literal(prefix))
        say(declared, v.SHACL + "namespace", literal(namespace, datatype=v.XSD + "anyURI"))
    return out
