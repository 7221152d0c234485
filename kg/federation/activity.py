"""The record of a harvest that changed something: one PROV activity, in a source of its own."""

from __future__ import annotations

from kg import vocabulary as v
from kg.federation.registry import Config
from kg.federation.steps import Run
from kg.mapping import to_statements
from kg.model import Source
from kg.terms import Statement, from_payload, iri, literal, to_payload, value

SOURCE = Source(id=v.HARVESTS, title="Harvests", namespace=v.source_namespace(v.HARVESTS), public=False)
TERMS = ("outcome", "written", "deleted", "setAside", "seq", "sha256")  # of our ontology


def name(config: Config, run: Run) -> str:
    """The IRI of the activity of a run."""
    return v.mint(SOURCE.namespace, "harvest", f"{config.name}-{run.id}")


def records(config: Config, run: Run, ended: str, outcome: str, counts: dict[str, int]) -> list[tuple[str, str]]:
    """(IRI, payload) of the source of harvests and of the activity."""
    subject = iri(name(config, run))
    integer, time = v.XSD + "integer", v.XSD + "dateTime"

    def said(predicate: str, term: str) -> Statement:
        return (subject, f"<{predicate}>", term)

    about = [
        said(v.TYPE, f"<{v.PROV}Activity>"),
        said(v.PROV + "used", iri(config.url)),
        said(v.PROV + "generated", iri(v.source_graph(config.name))),
        said(v.PROV + "startedAtTime", literal(run.started, "", time)),
        said(v.PROV + "endedAtTime", literal(ended, "", time)),
        said(v.NS + "outcome", literal(outcome)),
        said(v.NS + "sha256", literal(run.sha256)),
        said(v.NS + "seq", literal(str(run.seq), "", integer)),
        *(said(v.NS + key, literal(str(count), "", integer)) for key, count in counts.items()),
    ]
    return [(v.source_graph(v.HARVESTS), to_payload(to_statements(SOURCE))), (name(config, run), to_payload(about))]


def text(payload: str, term: str) -> str:
    """What the payload of an activity says under a term of ours."""
    wanted = f"<{v.NS}{term}>"
    return next((value(o) for _, p, o in from_payload(payload) if p == wanted), "")


def number(payload: str, term: str) -> int:
    """The number that the payload of an activity says under a term of ours; 0 for none."""
    found = text(payload, term)
    return int(found) if found.isdigit() else 0
