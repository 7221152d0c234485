"""What README and its pages show is run or read: their commands, settings, doors, targets and files."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from api.settings import table

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    name: (ROOT / name / "README.md").read_text(encoding="utf-8")
    for name in ("", "api", "kg", "kg/sparql", "kg/federation", "kg/identity")
}
README = "\n".join(PAGES.values())
COMMANDS = dict.fromkeys(
    line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines() if line.strip()
)


def filiere(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *arguments],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    made = filiere("demo", cwd=folder)
    assert made.returncode == 0, made.stderr
    rows = "id,name,country,makes\nvalmy,Valmy,FR,masques FFP2\nanios,Anios,FR,gel hydroalcoolique\n"
    (folder / "members.csv").write_text(rows, encoding="utf-8")
    (folder / "cpv_23lang.tsv").write_text(
        "code\ten\tfr\n33140000\tMedical consumables\tConsommables médicaux\n", encoding="utf-8"
    )
    (folder / "nuts2021_points.tsv").write_text(
        "code\tlevel\tcountry\tname\tlatitude\tlongitude\nFRK2\t2\tFR\tRhône-Alpes\t45.442\t5.3448\n", encoding="utf-8"
    )
    return folder


@pytest.mark.parametrize("line", [c for c in COMMANDS if c.startswith("filiere ") and c != "filiere serve"])
def test_the_commands_of_readme_run(line: str, place: Path) -> None:
    done = filiere(*shlex.split(line)[1:], cwd=place)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_targets_of_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = {match for text in (README, *COMMANDS) for match in re.findall(r"\bmake ([a-z]+(?:-[a-z]+)*)", text)}
    for target in named - {"what", "in", "it", "supply"}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target}"


def test_the_settings_of_readme_are_the_settings() -> None:
    shown = re.findall(r"^\| `(FILIERE_\w+)` \| (?:`(.*?)`)? ?\| (.*?) \|$", README, re.MULTILINE)
    assert shown == [(variable, default, says) for _, variable, default, says in table()]


def test_the_doors_of_readme_answer() -> None:
    from api.app import create_app

    app_source = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "api" / "routes").glob("*.py"))
    assert create_app
    for door in re.findall(r"`(?:PUT |DELETE )?(/[a-z]+)", README):
        assert f'"{door}' in app_source or door in ("/health", "/docs", "/search"), door


def test_the_example_of_actors_jsonl_is_read_without_findings(place: Path) -> None:
    block = re.search(r"```json\n(.*?)```", README, re.DOTALL)
    assert block
    json.loads(block.group(1))
    file = place / "example.jsonl"
    file.write_text(block.group(1), encoding="utf-8")
    done = filiere("import", str(file), "--source", "example", "--strict", "--format", "json", cwd=place)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["findings"] == []


def test_the_queries_of_readme_find_somebody(place: Path) -> None:
    where = "id,name,country,nuts,latitude,longitude\na,Alpha,FR,FRK2,45.76,4.84\nb,Beta,FR,FR10,48.86,2.35\n"
    (place / "placed.csv").write_text(where, encoding="utf-8")
    assert filiere("import", "placed.csv", "--source", "placed", cwd=place).returncode == 0
    assert filiere("vocabulary", "add", "nuts2021_points.tsv", "--scheme", "nuts", cwd=place).returncode == 0
    queries = re.findall(r"```sparql\n(.*?)```", README, re.DOTALL)
    placed = [query for query in queries if "geof:" in query]
    assert len(placed) == 2
    for query in placed:
        done = filiere("sparql", query, "--format", "csv", cwd=place)
        assert done.returncode == 0, done.stderr
        assert "Alpha" in done.stdout
        assert "Beta" not in done.stdout


def test_the_files_of_readme_are_there() -> None:
    for folder, page in PAGES.items():
        for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page):
            file = ROOT / folder / target if target else ROOT / folder / "README.md"
            assert file.exists(), f"{folder}/README.md: {target}"
            if anchor:
                headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
                anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
                assert anchor in anchors, f"{folder}/README.md: {target}#{anchor}"


def test_every_page_is_named_by_readme() -> None:
    for folder in PAGES:
        assert not folder or f"]({folder}/README.md)" in PAGES[""], folder


def test_the_paths_that_readme_names_are_there() -> None:
    for name in re.findall(r"`((?:kg|search|api|ontology)/[\w./]*)`", README):
        assert (ROOT / name).exists(), name


def test_the_mapping_of_readme_is_taken(place: Path) -> None:
    block = re.search(r"```toml\n(.*?)```", README, re.DOTALL)
    assert block
    (place / "members.toml").write_text(block.group(1), encoding="utf-8")
    (place / "membres.csv").write_text("id,Nom,Produits\na,Alpha,masques\n", encoding="utf-8")
    done = filiere("import", "membres.csv", "--source", "membres", "--mapping", "members.toml", cwd=place)
    assert done.returncode == 0, done.stderr
