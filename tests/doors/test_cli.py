"""Every command of the command line, as a process: what it prints, and how it ends."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from api.cli import COMMANDS

ROOT = Path(__file__).resolve().parent.parent.parent


def filiere(*arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *map(str, arguments)],
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath, "LANG": "C.UTF-8", "COLUMNS": "200"},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "data"
    done = filiere("demo", "--data", folder)
    assert done.returncode == 0, done.stderr
    for need in ("hydroalcoholic gel", "pièces pour respirateurs", "FFP2-Masken"):
        assert need in done.stdout
    assert "Go on:" in done.stdout
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_with_an_example(command: str) -> None:
    done = filiere(command, "--help")
    assert done.returncode == 0
    assert f"Example: filiere {command}" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["search"], ["search", "gel", "--format", "pdf"], ["import", "x.csv"], ["serve", "--port", "x"]],
)  # fmt: skip
def test_a_wrong_use_ends_with_2(arguments: list[str]) -> None:
    done = filiere(*arguments)
    assert done.returncode == 2
    assert "Usage" in done.stderr or "Error" in done.stderr


def test_search_prints_for_people_and_for_programs(data: Path) -> None:
    table = filiere("search", "hydroalcoholic gel", "--data", data, "--limit", "2")
    assert "understood as: hydroalcoholic gel" in table.stdout
    assert "crisis2020" in table.stdout
    answer = json.loads(filiere("search", "hydroalcoholic gel", "--data", data, "--format", "json").stdout)
    assert answer["answer"] == "match"
    rows = list(csv.DictReader(io.StringIO(filiere("search", "gel", "--data", data, "--format", "csv").stdout)))
    assert len(rows) == 10
    assert rows[0]["quote"] and rows[0]["url"]


def test_search_takes_constraints_and_says_what_is_wrong_with_them(data: Path) -> None:
    near = ("--near", "Lyon, FR", "--within-km", "60", "--country", "France", "--format", "json")
    found = json.loads(filiere("search", "masques", "--data", data, *near).stdout)
    assert {m["actor"]["country"] for m in found["results"]} == {"FR"}
    wrong = filiere("search", "masques", "--data", data, "--near", "Nowhereville")
    assert wrong.returncode == 2
    assert "Nowhereville" in wrong.stderr
    assert filiere("search", " ", "--data", data).returncode == 2


def test_a_reader_of_a_pipe_may_go_away(data: Path) -> None:
    command = f"{sys.executable} -m api.cli search masks --limit 100 --format json --data '{data}' | head -c 10"
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


def test_why_not_names_the_constraint_or_the_gap(data: Path) -> None:
    done = filiere("why-not", "hydroalcoholic gel", "anios", "--country", "DE", "--data", data)
    assert "left out by a constraint: country is DE; the actor says FR" in done.stdout
    found = json.loads(filiere("why-not", "wedding cakes", "valeo", "--data", data, "--format", "json").stdout)
    assert found["verdict"] == "too weak"
    assert found["would"]
    assert filiere("why-not", "gel", "nobody", "--data", data).returncode == 1


@pytest.mark.parametrize("form", ["json", "csv", "table"])
@pytest.mark.parametrize("command", ["sources", "status"])
def test_listings_come_in_three_forms(data: Path, command: str, form: str) -> None:
    done = filiere(command, "--format", form, "--data", data)
    assert done.returncode == 0, done.stderr
    assert "crisis2020" in done.stdout
    if form == "json":
        json.loads(done.stdout)


def test_sparql_reads_a_text_a_file_or_the_standard_input(data: Path, tmp_path: Path) -> None:
    query = "SELECT (COUNT(*) AS ?n) WHERE { ?c a <https://w3id.org/filiere/ns#Cluster> }"
    file = tmp_path / "q.rq"
    file.write_text(query)
    for done in (
        filiere("sparql", query, "--data", data),
        filiere("sparql", f"@{file}", "--data", data),
        filiere("sparql", "-", "--data", data, stdin=query),
    ):
        assert "162" in done.stdout
    assert filiere("sparql", "ASK { ?s ?p ?o }", "--data", data).stdout.strip() == "yes"
    turtle = filiere(
        "sparql",
        "DESCRIBE ?c WHERE { ?c a <https://w3id.org/filiere/ns#Cluster> } LIMIT 1",
        "--data",
        data,
        "--format",
        "turtle",
    )
    assert "Cluster" in turtle.stdout
    wrong = filiere("sparql", "DELETE WHERE { ?s ?p ?o }", "--data", data)
    assert wrong.returncode == 1
    assert "line 1" in wrong.stderr
    assert filiere("sparql", "@/nowhere.rq", "--data", data).returncode == 1


def test_evaluate_prints_its_table_and_writes_a_trec_run(data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run.trec"
    done = filiere("evaluate", "--run", run, "--data", data)
    assert done.returncode == 0, done.stderr
    assert "ndcg10" in done.stdout
    lines = [line.split() for line in run.read_text(encoding="utf-8").splitlines()]
    assert all(len(line) == 6 and line[1] == "Q0" for line in lines)
    ranks: dict[str, list[int]] = {}
    for need, _, _, rank, score, _ in lines:
        ranks.setdefault(need, []).append(int(rank))
        assert 0 <= float(score) <= 1
    assert all(found == list(range(1, len(found) + 1)) and len(found) <= 100 for found in ranks.values())
    bad = tmp_path / "needs.json"
    bad.write_text('[{"id": "a"}]')
    wrong = filiere("evaluate", "--needs", bad, "--qrels", run, "--data", data)
    assert wrong.returncode == 1
    assert "entry 1" in wrong.stderr
    assert filiere("evaluate", "--needs", bad, "--data", data).returncode == 2


def test_an_import_reports_and_says_where_to_mend(data: Path, tmp_path: Path) -> None:
    file, report = tmp_path / "members.csv", tmp_path / "report.csv"
    file.write_text("id,name,latitude,longitude,makes\na,Alpha,45,5,gel\nb,Beta,945,5,gel\n", encoding="utf-8")
    dry = filiere("import", file, "--source", "members", "--dry-run", "--data", data)
    assert dry.returncode == 0
    assert "nothing was written" in dry.stdout
    strict = filiere("import", file, "--source", "members", "--strict", "--data", data)
    assert strict.returncode == 1
    assert "row 3" in strict.stderr and "latitude" in strict.stderr
    done = filiere("import", file, "--source", "members", "--report", report, "--data", data)
    assert done.returncode == 0, done.stderr
    (row,) = [r for r in csv.DictReader(report.open(encoding="utf-8")) if r["severity"] == "error"]
    assert (row["row"], row["column"]) == ("3", "latitude")
    assert row["mend"]
    again = json.loads(filiere("import", file, "--source", "members", "--format", "json", "--data", data).stdout)
    assert (again["written"], again["deleted"]) == (0, 0)
    removed = filiere("sources", "remove", "members", "--yes", "--data", data)
    assert "Removed 2 records" in removed.stdout
    assert filiere("sources", "remove", "members", "--yes", "--data", data).returncode == 1


def test_views_left_for_later_are_brought_up_by_the_next_command_that_writes(tmp_path: Path) -> None:
    place = tmp_path / "data"

    def put(name: str, *options: str) -> None:
        file = tmp_path / f"{name}.csv"
        file.write_text(f"id,name,makes\n{name},{name} GmbH,hydroalcoholic gel\n", encoding="utf-8")
        done = filiere("import", file, "--source", name, "--data", place, *options)
        assert done.returncode == 0, done.stderr

    def found() -> set[str]:
        answer = filiere("search", "hydroalcoholic gel", "--data", place, "--format", "json")
        return {match["actor"]["id"] for match in json.loads(answer.stdout)["results"]}

    def seqs() -> tuple[int, int, int]:
        said = json.loads(filiere("status", "--data", place, "--format", "json").stdout)
        return said["journal_seq"], said["graph_seq"], said["index_seq"]

    put("alpha", "--later")
    put("beta", "--later")
    journal, *views = seqs()
    assert journal > 1000 and views == [0, 0]  # the packaged ontology is there, for whoever reads first
    assert found() == {"alpha", "beta"}
    put("gamma")
    journal, graph, _ = seqs()
    assert graph == journal
    assert found() == {"alpha", "beta", "gamma"}
    checked = filiere("check", "--data", place)
    assert checked.returncode == 0, checked.stdout


def test_an_import_that_fails_leaves_no_folder_behind(tmp_path: Path) -> None:
    done = filiere("import", tmp_path / "nowhere.csv", "--source", "s", "--data", tmp_path / "data")
    assert done.returncode == 1
    assert "nowhere.csv" in done.stderr


def test_a_vocabulary_takes_part_in_matching(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "toys.tsv"
    file.write_text("code\ten\tfr\nT1\twooden spinning tops\ttoupies en bois\n", encoding="utf-8")
    assert filiere("vocabulary", "add", file, "--scheme", "toys", "--data", data).returncode == 0
    answer = json.loads(filiere("search", "toupies en bois", "--data", data, "--format", "json").stdout)
    assert answer["need"]["concepts"][0]["label"] == "toupies en bois"
    actors = tmp_path / "a.jsonl"
    actors.write_text(json.dumps({"id": "top", "name": "Topmaker", "codes": ["toys:T1"]}) + "\n")
    assert filiere("import", actors, "--source", "toymakers", "--data", data).returncode == 0
    answer = json.loads(filiere("search", "wooden spinning tops", "--data", data, "--format", "json").stdout)
    assert answer["results"][0]["actor"]["id"] == "top"
    assert answer["results"][0]["reasons"][0]["path"][0][2].endswith("/toys/T1>")


def test_a_backup_is_restored_whole(data: Path, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar.gz"
    assert filiere("backup", archive, "--data", data).returncode == 0
    assert filiere("backup", archive, "--data", data).returncode == 1
    restored = tmp_path / "restored"
    assert filiere("restore", archive, "--data", restored).returncode == 0
    assert filiere("check", "--data", restored).stdout == filiere("check", "--data", data).stdout
    assert filiere("restore", archive, "--data", restored).returncode == 1
    damaged = tmp_path / "damaged.tar.gz"
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 255
    damaged.write_bytes(content)
    done = filiere("restore", damaged, "--data", tmp_path / "other")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "other" / "filiere.json").exists()


def test_tokens_are_made_listed_and_revoked_and_their_secret_is_not_stored(data: Path) -> None:
    secret = filiere("token", "create", "--scope", "write:members", "--note", "desk", "--data", data).stdout.strip()
    assert secret not in (data / "tokens.json").read_text()
    assert (data / "tokens.json").stat().st_mode & 0o077 == 0
    (token,) = json.loads(filiere("token", "list", "--format", "json", "--data", data).stdout)
    assert token["note"] == "desk"
    assert filiere("token", "revoke", token["id"], "--data", data).returncode == 0
    assert json.loads(filiere("token", "list", "--format", "json", "--data", data).stdout) == []
    assert filiere("token", "create", "--scope", "everything", "--data", data).returncode == 2


def test_a_taken_port_is_said(data: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = filiere("serve", "--port", str(taken.getsockname()[1]), "--data", data)
    assert done.returncode == 2
    assert "is taken" in done.stderr
