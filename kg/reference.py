"""Writes ontology/README.md from the ontology: python -m kg.reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from kg import rdf
from kg import vocabulary as v
from kg.terms import Term, is_iri, language, value
from kg.validation import Properties, Validator, group

_LABEL, _COMMENT = f"<{v.RDFS}label>", f"<{v.RDFS}comment>"
_KINDS = (
    ("Classes", {f"<{v.OWL}Class>"}),
    ("Properties", {f"<{v.OWL}ObjectProperty>", f"<{v.OWL}DatatypeProperty>", f"<{v.RDF}Property>"}),
)
_ALIGNED = (
    "subClassOf",
    "subPropertyOf",
    "equivalentClass",
    "equivalentProperty",
    "closeMatch",
    "broadMatch",
    "exactMatch",
    "seeAlso",
)


def _short(term: Term) -> str:
    iri = value(term)
    for prefix, base in v.PREFIXES.items():
        if iri.startswith(base):
            return f"`{prefix}:{iri[len(base) :]}`"
    return f"<{iri}>"


def _in(terms: list[Term], lang: str) -> str:
    return next((value(t) for t in terms if language(t) == lang), "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def page() -> str:
    """The whole page as Markdown."""
    folder = v.ontology_folder()
    lines = [
        "# What may be said in Filière",
        "",
        "Written by `make docs` from the files of this folder; change those, not this page.",
        "",
        f"Namespace `fil:` = <{v.NS}>. Other prefixes are those of the vocabularies reused.",
        "",
    ]
    lines += _terms(folder)
    lines += _shapes()
    lines += _checks()
    lines += _queries(folder)
    lines += _schemes(folder)
    return "\n".join(lines) + "\n"


def _terms(folder: Path) -> Iterator[str]:
    nodes = group([*rdf.read_turtle(folder / "filiere.ttl"), *rdf.read_turtle(folder / "alignments.ttl")])
    for heading, kinds in _KINDS:
        of_properties = heading == "Properties"
        columns = ["term", "label", "says", *(["of", "value"] if of_properties else []), "aligned with"]
        yield from (f"## {heading}", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|")
        for subject in sorted(s for s, p in nodes.items() if kinds & set(p.get(f"<{v.TYPE}>", ())) and _is_ours(s)):
            about = nodes[subject]
            cells = [_short(subject), _cell(_labels(about)), _cell(_in(about.get(_COMMENT, []), "en"))]
            if of_properties:
                cells += [_all(about, ("domain",)), _all(about, ("range",)) or _plain(about)]
            yield f"| {' | '.join([*cells, _all(about, _ALIGNED)])} |"
        yield ""


def _is_ours(subject: Term) -> bool:
    return value(subject).startswith(v.NS)


def _labels(about: Properties) -> str:
    return " / ".join(filter(None, (_in(about.get(_LABEL, []), lang) for lang in ("en", "fr"))))


def _all(about: Properties, endings: tuple[str, ...]) -> str:
    """The IRIs that the subject names by predicates with one of these endings."""
    found = {o for p, objects in about.items() if value(p).endswith(endings) for o in objects if is_iri(o)}
    return ", ".join(sorted(map(_short, found)))


def _plain(about: Properties) -> str:
    return "text" if f"<{v.OWL}DatatypeProperty>" in about.get(f"<{v.TYPE}>", ()) else ""


def _shapes() -> Iterator[str]:
    yield from ("## What a record must have", "", "From `shapes.ttl` (SHACL).", "")
    yield from ("| shape | column | rule | mend |", "|---|---|---|---|")
    for name, properties in sorted(Validator.packaged().shapes().items()):
        for prop in sorted(properties, key=lambda p: p.column):
            mark = "" if prop.severity == "error" else " (warning)"
            yield f"| {name.rsplit('/', 1)[-1]} | {prop.column} | {_cell(prop.reason)}{mark} | {_cell(prop.mend)} |"
    yield ""


def _checks() -> Iterator[str]:
    yield from ("## Faults looked for across records", "", "One file of `checks/` each.", "")
    yield from ("| check | fault | mend |", "|---|---|---|")
    for check in Validator.packaged().checks:
        mark = "" if check.severity == "error" else " (warning)"
        yield f"| `{check.name}` | {_cell(check.problem)}{mark} | {_cell(check.mend)} |"
    yield ""


def _queries(folder: Path) -> Iterator[str]:
    count = sum(1 for _ in (folder / "queries").glob("*.rq"))
    yield from ("## Example queries", "")
    yield from (f"One file of `queries/` each, {count} in all: `filiere sparql --examples` lists them.", "")


def _schemes(folder: Path) -> Iterator[str]:
    yield from ("## Schemes", "", "| file | concepts | labels by language | top concepts |", "|---|---|---|---|")
    for file in sorted((folder / "schemes").glob("*.ttl")):
        nodes = group(rdf.read_turtle(file))
        concepts = {s: p for s, p in nodes.items() if f"<{v.SKOS}Concept>" in p.get(f"<{v.TYPE}>", ())}
        spoken = Counter(
            language(label)
            for about in concepts.values()
            for kind in ("prefLabel", "altLabel", "hiddenLabel")
            for label in about.get(f"<{v.SKOS}{kind}>", ())
        )
        tops = sorted(
            _in(about.get(f"<{v.SKOS}prefLabel>", []), "en")
            for about in concepts.values()
            if f"<{v.SKOS}topConceptOf>" in about
        )
        shown = ", ".join(tops[:12]) + (" …" if len(tops) > 12 else "")
        counts = ", ".join(f"{lang} {count}" for lang, count in sorted(spoken.items()))
        yield f"| `{file.name}` | {len(concepts)} | {counts} | {shown} |"


def main() -> None:
    """Writes the page."""
    target = v.ontology_folder() / "README.md"
    target.write_text(page(), encoding="utf-8")
    print(f"Wrote {target}.")


if __name__ == "__main__":
    main()
