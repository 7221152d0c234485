"""A DCAT catalogue: the dataset that is meant, in the form we read best; or, where there is no catalogue, the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from urllib.parse import urljoin, urlsplit

from kg import vocabulary as v
from kg.errors import FiliereError
from kg.federation import sources_plain
from kg.federation.asking import MOST_DOCUMENT, RDF, Asking, sha256, suffix, validators
from kg.federation.registry import Config, State
from kg.federation.steps import Ended, Run, Work
from kg.fetch import Fetched
from kg.intake import parse
from kg.model import Source
from kg.readers import files
from kg.readers.job import Job, Limits
from kg.terms import is_iri, value

_Nodes = dict[str, dict[str, list[str]]]  # subject → predicate → objects, IRIs and blank nodes without brackets
_LIMITS = Limits(seconds=60)
_TYPE = f"<{v.TYPE}>"
# What a distribution says it is: the end of a media type or of a file type of the EU, the best for us first.
_FORMS = {
    "n-triples": ".nt", "rdf_n_triples": ".nt", "turtle": ".ttl", "rdf_turtle": ".ttl", "trig": ".trig",
    "rdf_trig": ".trig", "n-quads": ".nq", "ld+json": ".jsonld", "json_ld": ".jsonld", "rdf+xml": ".rdf",
    "rdf_xml": ".rdf", "csv": ".csv", "vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx", "xlsx": ".xlsx",
    "tab-separated-values": ".tsv", "tsv": ".tsv",
}  # fmt: skip
_ORDER = list(dict.fromkeys(_FORMS.values()))


def fetch(asking: Asking, work: Work, run: Run, config: Config, state: State) -> Run:
    """The run with the distribution that is meant. Raises Ended."""
    catalogue = asking.get(config.url, RDF, _for_304(state, config.url), MOST_DOCUMENT)
    if catalogue is None:  # it describes what it did before; what it describes may have changed
        known = state.validators[config.url]
        run = replace(run, validators={config.url: known}, about=_kept(known))
        return _take(asking, work, run, known["data"], known.get("form", ""), state)
    nodes = read(work, catalogue)
    dataset = _dataset(nodes, config)
    url, form = _distribution(nodes, dataset, catalogue.url)
    about = _about(nodes, dataset, url)
    kept = {f"about.{name}": text for name, text in about.items()}
    known = {**validators(catalogue), "data": url, "form": form, **kept}
    run = replace(run, about=about, validators={config.url: known})
    if about.get("licence", "") != state.licence and state.licence:
        state = replace(state, validators={})  # other terms are news, though the data be the same
    return _take(asking, work, run, url, form, state)


def kind(asking: Asking, url: str) -> str:
    """Whether an address gives a catalogue (dcat), RDF (dump) or a table (csv). Raises Ended for anything else."""
    found = asking.get(url, f"{RDF}, text/csv;q=0.5, */*;q=0.1")
    assert found is not None
    named = suffix(found, url).removesuffix(".gz")
    if named not in files.GRAPHS:
        return "csv"
    return "dcat" if f"{v.DCAT}distribution".encode() in found.body or b"dcat:distribution" in found.body else "dump"


def _for_304(state: State, url: str) -> dict[str, str]:
    """What is sent along for the catalogue, when it is known what it said."""
    known = state.validators.get(url, {})
    return known if "data" in known else {}


def _kept(known: dict[str, str]) -> dict[str, str]:
    return {name.removeprefix("about."): text for name, text in known.items() if name.startswith("about.")}


def _take(asking: Asking, work: Work, run: Run, url: str, form: str, state: State) -> Run:
    return sources_plain.take(asking, work, run, url, state, tables=form in files.TABLES, wanted=form)


def read(work: Work, found: Fetched) -> _Nodes:
    """The statements of an RDF document, read in a child process. Raises Ended."""
    named = suffix(found, wanted=".ttl")
    name = f"catalogue-{sha256(found.body)[:8]}{named}"
    work.put(name, found.body, "")
    nodes: _Nodes = {}
    try:
        for row in parse([Job(work.folder / name, form="statements")], Source("catalogue", url=found.url), _LIMITS):
            for line in row.payload.split("\n"):
                if line:
                    s, p, o = line.split(" ", 2)
                    nodes.setdefault(_bare(s), {}).setdefault(p, []).append(o[:-2])
    except FiliereError as error:
        raise Ended("refused", f"{found.url} cannot be read: {error.problem}", error.mend) from error
    return nodes


def _bare(term: str) -> str:
    return value(term) if is_iri(term) else term


def _first(nodes: _Nodes, subject: str, *predicates: str) -> str:
    """The first value, in English or French where there is a choice, of the first predicate that has one."""
    for predicate in predicates:
        terms = sorted(
            nodes.get(subject, {}).get(f"<{predicate}>", ()), key=lambda t: (not t.endswith(("@en", "@fr")), t)
        )
        if terms:
            return value(terms[0]) if not terms[0].startswith("_:") else terms[0]
    return ""


def _dataset(nodes: _Nodes, config: Config) -> str:
    """The dataset that is meant. Raises Ended when there is none such, or several and none was named."""
    cls = f"<{v.DCAT}Dataset>"
    found = [s for s, said in nodes.items() if cls in said.get(_TYPE, ()) and f"<{v.DCAT}distribution>" in said]
    if config.part:
        named = [s for s in found if config.part in (s, _first(nodes, s, v.DCT + "identifier"), v.local_name(s))]
        if len(named) != 1:
            reason = f"{config.url} describes no dataset {config.part[:80]} with a distribution."
            raise Ended("gone", f"{reason} What it said before is kept.", f"It describes: {_names(nodes, found)}.")
        return named[0]
    if len(found) != 1:
        reason = f"{config.url} describes {len(found)} datasets that have a distribution."
        raise Ended(
            "refused", reason, f"Name one with --part: {_names(nodes, found)}." if found else "Ask its publisher."
        )
    return found[0]


def _names(nodes: _Nodes, found: list[str]) -> str:
    names = [_first(nodes, subject, v.DCT + "identifier") or subject for subject in found]
    return ", ".join(name[:80] for name in names[:20]) or "none"


def _distribution(nodes: _Nodes, dataset: str, base: str) -> tuple[str, str]:
    """(URL, suffix) of the distribution that we read best. Raises Ended."""
    offered: list[tuple[int, str, str]] = []
    for term in nodes[dataset][f"<{v.DCAT}distribution>"]:
        subject = _bare(term)
        url = _first(nodes, subject, v.DCAT + "downloadURL", v.DCAT + "accessURL")
        said = [_first(nodes, subject, name) for name in (v.DCAT + "mediaType", v.DCT + "format")]
        forms = [_FORMS.get(text.rstrip("/").rsplit("/", 1)[-1].lower(), "") for text in said]
        path = urlsplit(url).path.lower().removesuffix(".gz")
        forms.append(PurePosixPath(path).suffix if PurePosixPath(path).suffix in _ORDER else "")
        form = next((form for form in forms if form), "")
        if url and form:
            offered.append((_ORDER.index(form), urljoin(base, url), form))
    if not offered:
        forms_said = "RDF, CSV or XLSX"
        raise Ended("refused", f"{dataset} has no distribution as {forms_said}.", "Ask its publisher for one.")
    _, url, form = min(offered)
    return url, form


def _about(nodes: _Nodes, dataset: str, url: str) -> dict[str, str]:
    """What the catalogue says of the dataset."""
    publisher = _first(nodes, dataset, v.DCT + "publisher")
    named = _first(nodes, publisher, v.FOAF + "name", v.SKOS + "prefLabel", v.SCHEMA + "name")
    distributions = [_bare(term) for term in nodes[dataset][f"<{v.DCAT}distribution>"]]
    licences = [_first(nodes, subject, v.DCT + "license") for subject in (dataset, *distributions)]
    issued = _first(nodes, dataset, v.DCT + "modified", v.DCT + "issued")[:10]
    return {
        "origin": url if dataset.startswith("_:") else dataset,
        "title": _first(nodes, dataset, v.DCT + "title")[:500],
        "publisher": (named or (publisher if not publisher.startswith("_:") else ""))[:500],
        "licence": next((text for text in licences if text and not text.startswith("_:")), "")[:500],
        "url": _first(nodes, dataset, v.DCAT + "landingPage")[:2000],
        "issued": issued if len(issued) in (4, 7, 10) and issued.replace("-", "").isdigit() else "",
    }
