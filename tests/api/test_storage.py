"""Wrong folders, second writers, full and read-only disks: a clear message, and nothing acknowledged is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.engine import Engine

ROOT = Path(__file__).resolve().parent.parent.parent


def filiere(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *map(str, arguments)],
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath, "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def actors(path: Path, count: int) -> Path:
    said = "tissage de masques et de surblouses " * 40
    rows = (
        {"id": f"a{n}", "name": f"Actor {n}", "makes": [f"masks {n}"], "descriptions": [f"{n} {said}"]}
        for n in range(count)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("command", [["search", "gel"], ["status"], ["check"], ["sources"], ["backup", "x.tar.gz"]])
def test_a_folder_that_is_not_there_empty_or_foreign_is_named(command: list[str], tmp_path: Path) -> None:
    refused(filiere(*command, "--data", tmp_path / "nowhere"), "There is no data folder", "filiere demo")
    refused(filiere(*command, "--data", tmp_path), "is empty")
    (tmp_path / "letter.txt").write_text("x")
    refused(filiere(*command, "--data", tmp_path), "is not a data folder of Filière")
    refused(
        filiere("import", actors(tmp_path / "a.jsonl", 1), "--source", "s", "--data", tmp_path), "is not a data folder"
    )
    assert (tmp_path / "letter.txt").read_text() == "x"


def test_a_file_in_place_of_a_folder_and_a_newer_format_are_named(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("x")
    refused(filiere("demo", "--data", file), "is a file")
    folder = tmp_path / "newer"
    folder.mkdir()
    (folder / "filiere.json").write_text('{"format": 99}')
    (folder / "journal.sqlite").touch()
    refused(filiere("status", "--data", folder), "newer Filière", "Upgrade")


def test_a_lost_journal_is_said_and_never_replaced_by_an_empty_one(copied: Path) -> None:
    (copied / "journal.sqlite").unlink()
    refused(filiere("status", "--data", copied), "journal", "Restore a backup")
    refused(filiere("import", actors(copied.parent / "a.jsonl", 1), "--source", "s", "--data", copied), "journal")
    assert not (copied / "journal.sqlite").exists()


def test_a_second_writer_is_told_who_writes(copied: Path, tmp_path: Path) -> None:
    with Engine.open(copied, write=True):
        done = filiere("import", actors(tmp_path / "a.jsonl", 1), "--source", "s", "--data", copied)
        refused(done, f"pid {os.getpid()}", "PUT /sources/NAME")
        assert filiere("search", "gel", "--data", copied).returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own (tmpfs), which needs root."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=192m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs root, to mount a small disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_loses_nothing_and_works_again_once_there_is_room(disk: Path, tmp_path: Path) -> None:
    data = disk / "data"
    assert filiere("import", actors(tmp_path / "a.jsonl", 200), "--source", "s", "--data", data).returncode == 0
    filler = disk / "filler"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    filler.write_bytes(b"\0" * (free - 2_000_000))
    more = actors(tmp_path / "more.jsonl", 3000)
    refused(filiere("import", more, "--source", "more", "--data", data), "is full", "Free some space")
    filler.unlink()
    done = filiere("check", "--repair", "--data", data)
    assert done.returncode == 0, done.stderr
    with Engine.open(data) as engine:
        assert sum(a.source == "s" for a in engine.actors()) == 200
        assert sum(a.source == "more" for a in engine.actors()) in (0, 3000)
    assert filiere("import", actors(tmp_path / "b.jsonl", 250), "--source", "s", "--data", data).returncode == 0
    assert filiere("check", "--data", data).returncode == 0


def test_a_read_only_disk_is_searched_and_not_written(disk: Path, tmp_path: Path) -> None:
    data = disk / "data"
    assert filiere("import", actors(tmp_path / "a.jsonl", 50), "--source", "s", "--data", data).returncode == 0
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    found = filiere("search", "masks", "--data", data)
    assert found.returncode == 0, found.stderr
    assert "Actor" in found.stdout
    assert filiere("status", "--data", data).returncode == 0
    refused(filiere("import", actors(tmp_path / "b.jsonl", 5), "--source", "s", "--data", data), "read-only")
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    assert filiere("check", "--data", data).returncode == 0
