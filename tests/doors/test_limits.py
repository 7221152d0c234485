"""A served process under bodies that are too slow, too large or cut short, and what its log says."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx
import pytest

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


def until_closed(line: socket.socket) -> tuple[bytes, float]:
    """What comes until the other side closes, and after how many seconds."""
    started, out = time.monotonic(), b""
    while part := line.recv(4096):
        out += part
    return out, time.monotonic() - started


@pytest.mark.parametrize("begun", [b"", b"GET /search?q=gel HTTP/1.1\r\nHost", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_head_that_does_not_come_whole_is_given_up(process: Process, begun: bytes) -> None:
    with connection(process) as line:
        line.sendall(begun)
        told, seconds = until_closed(line)
    assert b" 408 " in told.split(b"\r\n")[0] and 1.5 < seconds < 4


def test_a_second_head_that_drips_is_given_up_too(process: Process) -> None:
    with connection(process) as line:
        line.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 200 " in line.recv(4096)
        started = time.monotonic()
        for byte in b"GET /health/live HTTP/1.1\r\nHost: x" * 3:
            try:
                line.sendall(bytes([byte]))
            except OSError:
                break
            time.sleep(0.1)
    assert time.monotonic() - started < 4


def test_a_connection_that_rests_between_requests_may(process: Process) -> None:
    with connection(process) as line:
        for _ in range(2):
            line.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            told = b""
            while b'"live"' not in told:  # head and body may come apart
                told += (part := line.recv(4096))
                assert part
            assert told.startswith(b"HTTP/1.1 200 ")
            time.sleep(2.5)  # longer than a head may take


@pytest.mark.parametrize("size", [1, 4])
def test_a_body_in_crumbs_is_refused_and_nobody_waits(process: Process, size: int) -> None:
    crumb = b"%x\r\n%b\r\n" % (size, b" " * size)
    waits: list[float] = []

    def attack() -> bytes:
        with connection(process) as line:
            with suppress(OSError):
                line.sendall(head(process, "Transfer-Encoding: chunked") + crumb * (300_000 // size))
            try:
                return until_closed(line)[0]
            except OSError:
                return b""  # closed while we were still sending

    with ThreadPoolExecutor(4) as pool:
        attacks = [pool.submit(attack) for _ in range(4)]
        while not all(one.done() for one in attacks):
            started = time.monotonic()
            assert httpx.get(process.url + "/health/live", timeout=30).status_code == 200
            waits.append(time.monotonic() - started)
    assert all(one.result()[:12] in (b"HTTP/1.1 400", b"") for one in attacks)
    assert max(waits) < 1


def put_lines(process: Process) -> httpx.Response:
    """A table that is sent line by line."""

    def lines() -> Iterator[bytes]:
        yield b"id,name,makes\n"
        for number in range(3000):
            yield f"{number},Name {number},gel\n".encode()

    headers = {"Authorization": f"Bearer {process.secret}", "Content-Type": "text/csv"}
    return httpx.put(process.url + "/sources/lines", content=lines(), headers=headers, timeout=60)


def test_a_body_in_pieces_of_a_line_is_taken(process: Process) -> None:
    assert put_lines(process).status_code == 200
    assert {s["id"]: s["entities"] for s in httpx.get(process.url + "/sources").json()}["lines"] == 3001


def test_an_answer_that_nobody_takes_is_dropped(process: Process) -> None:
    put_lines(process)
    whole = httpx.get(process.url + "/export?form=nq&source=lines", timeout=60)
    assert whole.status_code == 200
    asked = 10  # more than sockets hold
    with connection(process) as line:
        line.sendall(b"GET /export?form=nq&source=lines HTTP/1.1\r\nHost: x\r\n\r\n" * asked)
        time.sleep(8)
        got = 0
        with suppress(ConnectionResetError):
            while part := line.recv(1_000_000):
                got += len(part)
    assert 0 < got < asked * len(whole.content)


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
