"""Commands that ask: search, sparql, evaluate."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from api.commands.options import Progress, data_option, folder, format_option, graph_option, settings
from api.engine import Engine
from api.printing import as_csv, as_json, as_table, show, show_matches
from kg.errors import RefusedInput, UserError

MATCH_COLUMNS = (
    *("rank", "score", "level", "id", "name", "kind", "country", "city", "website"),
    *(
        "why",
        "quote",
        "source",
        "date",
        "url",
        "iri",
        "also",
        "also_count",
        "sources",
        "licence",
        "attribution",
        "node",
    ),
)


def _constraints(function: Any) -> Any:
    """The options that say who is allowed."""
    for option in (
        click.option("--source", multiple=True, help="Name of a source; may be repeated."),
        click.option("--certificate", multiple=True, help="Words of a certificate; may be repeated."),
        click.option("--cluster", multiple=True, help="Id of a cluster; may be repeated."),
        click.option("--kind", multiple=True, help="firm, cluster, lab, association or public; may be repeated."),
        click.option("--size", multiple=True, help="micro, small, medium, sme or large; may be repeated."),
        click.option("--within-km", type=float, default=None, help="Kilometres from --near.  [default: 100]"),
        click.option("--near", default="", help="Town ('Valence, FR') or latitude,longitude."),
        click.option("--nuts", multiple=True, help="NUTS region, or the beginning of its code; may be repeated."),
        click.option("--country", multiple=True, help="Code or name of a country; may be repeated."),
        click.option("--lang", default="", help="Language of the need, such as fr; guessed when not given."),
    ):
        function = option(function)
    return function


_RDF = {"turtle": "ttl", "ntriples": "nt", "jsonld": "jsonld", "rdfxml": "rdf"}
WHY_NOT_COLUMNS = ("id", "name", "verdict", "says", "constraint", "rank", "score", "needed", "would", "iri", "part_of")


@click.command("search")
@click.argument("need")
@_constraints
@click.option("--limit", type=int, default=10, show_default=True, help="Results shown.")
@click.option("--offset", type=int, default=0, show_default=True, help="Results passed over.")
@click.option("--live", is_flag=True, help="Ask the nodes of 'filiere peers' too.")
@format_option
@data_option
def search_command(
    need: str, form: str, data: Path | None, near: str, within_km: float | None, live: bool, **given: Any
) -> None:
    """Find who can meet NEED, written in any European language, with the reasons.

    Example: filiere search "pièces pour respirateurs" --near "Lyon, FR" --within-km 200
    """
    from api.asked import query_of

    query = query_of(need, near=near, within_km=within_km, **given)
    with Engine.open(folder(data), model=settings().model or None, graph=settings().store()) as engine:
        engine.live.configure(settings())
        matches = engine.live.search(query) if live else engine.search(query)
    if form == "json":
        click.echo(as_json(matches), nl=False)
    elif form == "csv":
        click.echo(as_csv(match_rows(matches, query.offset), MATCH_COLUMNS), nl=False)
    else:
        show_matches(matches)


@click.command("why-not")
@click.argument("need")
@click.argument("actor")
@_constraints
@format_option
@data_option
def why_not_command(
    need: str, actor: str, form: str, data: Path | None, near: str, within_km: float | None, **given: Any
) -> None:
    """Say why ACTOR (its id or IRI) is not among the answers to NEED, and what one fact would bring it in.

    Example: filiere why-not "hydroalcoholic gel" valeo
    """
    from api.asked import query_of

    query = query_of(need, near=near, within_km=within_km, **given)
    with Engine.open(folder(data), model=settings().model or None, graph=settings().store()) as engine:
        found = engine.why_not(query, actor)
    if form == "json":
        click.echo(as_json(found), nl=False)
        return
    shares = ", ".join(f"{name} {share:.2f}" for name, share in (found.channels or {}).items())
    if form == "csv":
        part_of = found.part_of.iri if found.part_of else ""
        show([{**asdict(found), **asdict(found.actor), "part_of": part_of}], WHY_NOT_COLUMNS, form)
        return
    for text in (found.says, shares and f"Channels: {shares}.", found.would):
        if text:
            click.echo(text)


def match_rows(matches: Any, offset: int = 0) -> list[dict[str, Any]]:
    """One flat row a match, with its first reason."""
    rows = []
    named = {source.id: source for source in matches.sources}
    for rank, match in enumerate(matches.results, offset + 1):
        reason = match.reasons[0] if match.reasons else None
        why = {"why": reason.says, **asdict(reason)} if reason else {}
        also = {"also": [other.iri for other in match.also], "also_count": match.also_count}
        node = match.node.url if match.node else ""
        told = [named[name] for name in match.sources if name in named]
        also |= {"sources": match.sources, "licence": [source.licence for source in told]}
        also |= {"attribution": [source.attribution for source in told], "node": node}
        rows.append({"rank": rank, "score": match.score, "level": match.level, **asdict(match.actor), **why, **also})
    return rows


@click.command("sparql")
@click.argument("query", required=False)
@click.option("--example", default="", help="Put the packaged query of this name.")
@click.option("--examples", is_flag=True, help="List the packaged queries (table, json, csv, turtle).")
@click.option(
    "--format", "form", default="table", show_default=True,
    help="table, json, csv, tsv, xml; for CONSTRUCT and DESCRIBE: turtle, ntriples, jsonld, rdfxml.",
)  # fmt: skip
@data_option
@graph_option
def sparql_command(query: str | None, example: str, examples: bool, form: str, data: Path | None) -> None:
    """Put QUERY to the graph: its text, @FILE, or - for standard input. Reading only.

    Example: filiere sparql "SELECT ?kind (COUNT(*) AS ?n) WHERE { ?a a ?kind } GROUP BY ?kind"
    """
    if (query is not None) + bool(example) + examples != 1:
        raise click.UsageError("Give a QUERY, --example NAME or --examples.")
    if examples:
        _list_examples(form)
        return
    text = query_text(query) if query is not None else _packaged_query(example)
    chosen = settings()
    accept = {
        "table": "application/sparql-results+json, text/turtle;q=0.5",
        "json": "application/sparql-results+json",
        "csv": "text/csv",
        "tsv": "text/tab-separated-values",
        "xml": "application/sparql-results+xml",
        "turtle": "text/turtle",
        "ntriples": "application/n-triples",
        "jsonld": "application/ld+json",
        "rdfxml": "application/rdf+xml",
    }.get(form)
    if accept is None:
        raise click.UsageError(f"There is no format {form!r}.")
    with Engine.open(folder(data), model=chosen.model or None, graph=chosen.store()) as engine:
        engine.querying.configure(chosen)
        result = engine.sparql(text, accept)
    if form != "table" or "json" not in result.media_type or "ld+json" in result.media_type:
        sys.stdout.buffer.write(result.body)
        sys.stdout.buffer.write(b"" if result.body.endswith(b"\n") else b"\n")
        return
    found = json.loads(result.body)
    if "boolean" in found:
        click.echo("yes" if found["boolean"] else "no")
        return
    names = found["head"]["vars"]
    rows = [{name: b[name]["value"] for name in names if name in b} for b in found["results"]["bindings"]]
    show(rows, names, "table")


def _packaged_query(name: str) -> str:
    from kg.examples import example

    return example(name).text


def _list_examples(form: str) -> None:
    from kg import examples

    found = examples.examples()
    if form in ("table", "json", "csv"):
        heading = ("name", "question") if form == "table" else ("name", "question", "says", "keywords", "form", "query")
        show([{name: getattr(one, name) for name in heading} for one in found], heading, form)
    elif form in _RDF:
        from api.negotiation import rdf_bytes

        chosen = settings()
        about = examples.statements(found, f"http://{chosen.host}:{chosen.port}/sparql")
        sys.stdout.buffer.write(rdf_bytes(about, _RDF[form]))
    else:
        raise click.UsageError(f"The examples have no format {form!r}.")


def query_text(given: str) -> str:
    """A query as it was given: its text, @FILE, or - for standard input. Raises RefusedInput."""
    if given == "-":
        return sys.stdin.read()
    if not given.startswith("@"):
        return given
    path = Path(given[1:])
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise RefusedInput(f"{path} cannot be read ({error.strerror}).", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise RefusedInput(f"{path} is not UTF-8.", "Save it as UTF-8.") from error


@click.command("evaluate")
@click.option(
    "--needs",
    type=click.Path(path_type=Path),
    default=None,
    help="JSON list of {id, text, lang}.  [default: the sample's]",
)
@click.option(
    "--qrels", type=click.Path(path_type=Path), default=None, help="Judgements in TREC form.  [default: the sample's]"
)
@click.option(
    "--run",
    "run_file",
    type=click.Path(path_type=Path),
    default=None,
    help="Where to write the TREC run (100 actors a need).",
)
@format_option
@data_option
def evaluate_command(
    needs: Path | None, qrels: Path | None, run_file: Path | None, form: str, data: Path | None
) -> None:
    """Measure the answers on judged needs: nDCG@10, hit@10 and refusals, over all and per language.

    Example: filiere evaluate --needs needs.json --qrels qrels.trec --run run.trec
    """
    from kg import sample
    from search import evaluation

    if (needs is None) is not (qrels is None):
        raise click.UsageError("Give both --needs and --qrels, or neither.")
    judged = evaluation.read_needs(needs or sample.needs())
    judgements = evaluation.read_qrels(qrels or sample.qrels())
    progress = Progress()
    with Engine.open(folder(data), model=settings().model or None, graph=settings().store()) as engine:
        found = evaluation.evaluate(
            engine.search, judged, judgements, lambda done, total: progress("needs", done, total)
        )
        model = engine.index.encoder.name
    progress.close()
    if run_file is not None:
        try:
            run_file.write_text(evaluation.trec_run(found.run), encoding="utf-8")
        except OSError as error:
            raise UserError(f"{run_file} cannot be written ({error.strerror}).", "Name another file.") from error
    rows = [asdict(row) for row in found.rows]
    heading = ("language", "needs", "ndcg10", "hit10", "refused")
    if form == "json":
        click.echo(as_json({"model": model, **found.as_dict()}), nl=False)
    elif form == "csv":
        click.echo(as_csv(rows, heading), nl=False)
    else:
        shown = [{n: f"{row[n]:.3f}" if isinstance(row[n], float) else row[n] for n in heading} for row in rows]
        click.echo(as_table(shown, heading), nl=False)
        if found.calibration_error is not None:
            bins = [{"score": f"{b.low:.1f} to {b.high:.1f}", "matches": b.matches, "mean": f"{b.score:.2f}",
                     "right": f"{b.right:.2f}"} for b in found.reliability]  # fmt: skip
            click.echo("\nOf the first 20 matches of each need, by their score:")
            click.echo(as_table(bins, ("score", "matches", "mean", "right")), nl=False)
            click.echo(f"Expected calibration error: {found.calibration_error:.3f}\n")
        if found.none_refused is not None:
            click.echo(f"Of {found.none_needs} needs that nobody here meets, {found.none_refused:.0%} were refused.")
        click.echo(f"Model: {model}")
