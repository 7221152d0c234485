"""A served process under bodies that are too slow, too large or cut short, and what its log says."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import httpx

from tests.doors.conftest import Process


def connection(process: Process) -> socket.socket:
    host, port = process.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def head(process: Process, *lines: str) -> bytes:
    auth = f"Authorization: Bearer {process.secret}"
    both = ("PUT /sources/slow HTTP/1.1", "Host: x", auth, "Content-Type: text/csv", *lines)
    return "\r\n".join([*both, "", ""]).encode()


def test_a_body_that_comes_too_slowly_is_refused_in_time(process: Process) -> None:
    with connection(process) as line:
        line.sendall(head(process, "Content-Length: 100") + b"id")
        started = time.monotonic()
        answer = line.recv(4096)
    assert b" 408 " in answer.split(b"\r\n")[0]
    assert 1.5 < time.monotonic() - started < 4
    assert httpx.get(process.url + "/health/live").status_code == 200


def test_a_body_cut_short_leaves_no_trace(process: Process) -> None:
    before = httpx.get(process.url + "/health/ready").json()["seq"]
    with connection(process) as line:
        line.sendall(head(process, "Content-Length: 100000") + b"id,name\na,b\n")
    time.sleep(0.3)
    assert httpx.get(process.url + "/health/ready").json()["seq"] == before


def test_a_body_without_end_is_refused_at_the_limit(process: Process) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield b"x" * 65_536

    headers = {"Authorization": f"Bearer {process.secret}", "Content-Type": "text/csv"}
    try:
        answer = httpx.put(process.url + "/sources/slow", content=endless(), headers=headers, timeout=20)
        assert answer.status_code == 413
    except httpx.WriteError:
        pass  # the service had answered and closed while the client was still sending
    small = httpx.post(
        process.url + "/sparql", content=b"x" * 2_000_000, headers={"Content-Type": "application/sparql-query"}
    )
    assert small.status_code == 413


def test_two_writers_at_once_both_end_well(process: Process) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def put(number: int) -> int:
        rows = "".join(f"{n},Name {n},gel\n" for n in range(50 * number))
        headers = {"Authorization": f"Bearer {process.secret}", "Content-Type": "text/csv"}
        body = "id,name,makes\n" + rows
        return httpx.put(f"{process.url}/sources/both{number}", content=body, headers=headers, timeout=30).status_code

    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(put, (1, 2, 3))) == {200}
    counts = {s["id"]: s["entities"] for s in httpx.get(process.url + "/sources").json()}
    assert [counts[f"both{n}"] for n in (1, 2, 3)] == [51, 101, 151]


def test_the_log_is_json_and_says_nothing_of_who_asked_what(process: Process) -> None:
    httpx.get(process.url + "/search", params={"q": "unmistakable words"}, headers={"User-Agent": "unmistakable agent"})
    httpx.get(process.url + "/actors/unmistakable-name")
    time.sleep(0.2)
    text = process.log.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert any(line["route"] == "/search" and line["status"] == 200 for line in lines if "route" in line)
    assert "unmistakable" not in text
    assert "127.0.0.1:" not in text.split("\n", 1)[1]
    assert process.secret not in text
