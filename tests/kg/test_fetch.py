"""Reaching out: whole answers come in, and whatever a hostile server or name server does ends in time with a name."""

from __future__ import annotations

import gzip
import socket
import struct
import time
import zlib
from collections.abc import Callable

import pytest

from kg import fetch as fetching
from kg.addresses import read_url, refused
from kg.errors import FiliereError, RefusedAddress, Unreachable, UserError
from kg.fetch import Fetched, fetch
from tests.kg.servers import CERTIFICATE, Asked, Script, Server, answer, drips, redirects, says, serving

_SECONDS = 1.5
_SLACK = 1.0  # seconds that a busy machine may take beyond a deadline
_MOST = 100_000
_OK = b"HTTP/1.1 200 OK\r\n"


def _fetch(server: Server, path: str = "", **more: object) -> Fetched:
    options: dict[str, object] = {"seconds": _SECONDS, "most_bytes": _MOST, "allow": {server.authority}} | more
    return fetch(server.url + path, **options)  # type: ignore[arg-type]


def _chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, b""))


def _bare_deflate(text: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(text) + stream.flush()


GOOD = {
    "with its length": answer(b"hello"),
    "to the end of the connection": _OK + b"\r\nhello",
    "in HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\nhello",
    "in chunks": _OK + b"Transfer-Encoding: chunked\r\n\r\n" + _chunked(b"hel", b"lo"),
    "gzip": answer(gzip.compress(b"hello"), "Content-Encoding: gzip"),
    "gzip in two members": answer(gzip.compress(b"hel") + gzip.compress(b"lo"), "Content-Encoding: x-gzip"),
    "deflate": answer(zlib.compress(b"hello"), "Content-Encoding: deflate"),
    "deflate as some send it": answer(_bare_deflate(b"hello"), "Content-Encoding: deflate"),
    "after 100 Continue": b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"hello"),
}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_a_whole_answer_comes_in(data: bytes) -> None:
    with serving(says(data)) as server:
        found = _fetch(server, "a%20b?c=é#d", headers={"Accept": "text/turtle", "Host": "elsewhere"})
    assert (found.status, found.body) == (200, b"hello")
    (asked,) = server.asked
    assert asked.line == "GET /a%20b?c=%C3%A9 HTTP/1.1"
    assert asked.headers["host"] == server.authority
    assert asked.headers["accept"] == "text/turtle"
    assert asked.headers["user-agent"].startswith("filiere")


def test_a_body_is_posted_and_a_refusal_is_an_answer_too() -> None:
    with serving(says(answer(b"no", status="404 Not Found", media="Text/HTML; charset=utf-8"))) as server:
        found = _fetch(server, method="POST", body=b"ASK {}", headers={"Content-Type": "application/sparql-query"})
    assert (found.status, found.body, found.media_type) == (404, b"no", "text/html")
    assert server.asked[0].body == b"ASK {}"
    assert server.asked[0].headers["content-length"] == "6"


def test_an_answer_without_a_body_has_none() -> None:
    with serving(says(b"HTTP/1.1 204 No Content\r\n\r\n")) as server:
        assert _fetch(server).body == b""
    with serving(says(_OK + b"Content-Length: 5\r\n\r\n")) as server:
        assert _fetch(server, method="HEAD").body == b""


def _reset(send: Callable[[bytes], None], _: Asked) -> None:
    connection: socket.socket = send.__closure__[0].cell_contents  # type: ignore[index]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _bomb(packed: bytes, encoding: str = "gzip") -> Script:
    return says(answer(packed, f"Content-Encoding: {encoding}"))


BAD: dict[str, tuple[Script, str]] = {
    "no answer": (drips(b"", b"", 0.1), "within 1.5 seconds"),
    "a slow status line": (drips(b"", b"H"), "within 1.5 seconds"),
    "slow headers": (drips(_OK, b"a"), "within 1.5 seconds"),
    "a slow body": (drips(_OK + b"Content-Length: 90000\r\n\r\n", b"0123456789"), "within 1.5 seconds"),
    "slow chunks": (drips(_OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), "within 1.5 seconds"),
    "an endless body": (drips(_OK + b"\r\n", b"x" * 65536, 0), "more than 100,000 bytes"),
    "endless chunks": (
        drips(_OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n", 0),
        "more than 100,000 bytes",
    ),
    "endless chunk names": (
        drips(_OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1;" + b"y" * 9000 + b"\r\nx\r\n", 0),
        "without end",
    ),
    "endless trailers": (drips(_OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n" * 99, 0), "without end"),
    "many headers": (drips(_OK, b"a: b\r\n" * 99, 0), "well-formed"),
    "large headers": (drips(_OK, b"a: " + b"b" * 9000 + b"\r\n", 0), "without end"),
    "one endless header": (drips(_OK, b"a" * 9000, 0), "without end|well-formed"),
    "100 Continue without end": (drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 99, 0), "headers without end"),
    "a reset": (_reset, "cannot be reached"),
    "nothing at all": (says(b""), "well-formed"),
    "not HTTP": (says(b"SSH-2.0-OpenSSH_9.6\r\n"), "well-formed"),
    "a status of its own": (says(b"HTTP/1.1 2000 Fine\r\n\r\n"), "well-formed"),
    "a status that is no end": (says(b"HTTP/1.1 103 Early Hints\r\n\r\n"), "in one way"),
    "less than promised": (says(_OK + b"Content-Length: 50\r\n\r\nhello"), "broke its answer off"),
    "a chunk cut short": (says(_OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nhel"), "well-formed"),
    "no last chunk": (says(_OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n"), "well-formed"),
    "two lengths": (says(_OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"), "in one way"),
    "a length below zero": (says(_OK + b"Content-Length: -5\r\n\r\nhello"), "in one way"),
    "a length in words": (says(_OK + b"Content-Length: five\r\n\r\nhello"), "in one way"),
    "length and chunks": (
        says(_OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + _chunked(b"hello")),
        "in one way",
    ),
    "an unknown coding": (says(_OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), "in one way"),
    "a gzip bomb": (_bomb(gzip.compress(bytes(50_000_000))), "more than 100,000 bytes"),
    "a deflate bomb": (_bomb(zlib.compress(bytes(50_000_000)), "deflate"), "more than 100,000 bytes"),
    "gzip twice": (_bomb(gzip.compress(gzip.compress(b"hello")), "gzip, gzip"), "not asked for"),
    "brotli": (_bomb(b"\x0b\x02\x80hello\x03", "br"), "not asked for"),
    "gzip that is none": (_bomb(b"hello"), "packs its answer wrongly"),
    "gzip cut short": (_bomb(gzip.compress(b"hello" * 99)[:-9]), "packs its answer wrongly"),
}


@pytest.mark.parametrize(("script", "says_what"), BAD.values(), ids=BAD)
def test_a_bad_answer_ends_in_time_and_is_named(script: Script, says_what: str) -> None:
    began = time.monotonic()
    with serving(script) as server, pytest.raises(Unreachable, match=says_what) as caught:
        _fetch(server)
    assert time.monotonic() - began < _SECONDS + _SLACK
    assert "127.0.0.1" in caught.value.problem
    assert caught.value.mend
    assert "hello" not in str(caught.value)


def test_a_server_that_does_not_read_ends_in_time() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    authority = f"127.0.0.1:{listener.getsockname()[1]}"
    began = time.monotonic()
    with listener, pytest.raises(Unreachable, match="within 1 seconds"):
        fetch(f"http://{authority}/", method="POST", body=bytes(50_000_000), seconds=1, allow={authority})
    assert time.monotonic() - began < 1 + _SLACK


def test_a_closed_port_and_an_unknown_name_are_named() -> None:
    with serving(says(b"")) as server:
        pass
    with pytest.raises(Unreachable, match="cannot be reached"):
        _fetch(server)

    def unknown(name: str, port: int) -> list[str]:
        raise socket.gaierror("no such name")

    with pytest.raises(Unreachable, match=r"example\.org has no address"):
        fetch("http://example.org/", resolve=unknown)


def test_a_slow_name_server_ends_in_time() -> None:
    def slow(name: str, port: int) -> list[str]:
        time.sleep(3)
        return []

    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"was not found within 0\.3 seconds"):
        fetch("http://example.org/", seconds=0.3, resolve=slow)
    assert time.monotonic() - began < 0.3 + _SLACK


# Addresses


PRIVATE = """127.0.0.1 127.9.9.9 0.0.0.0 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 192.0.0.8 192.0.2.1
    198.18.0.1 192.88.99.1 224.0.0.1 240.0.0.1 255.255.255.255 168.63.129.16 ::1 :: fe80::1 fc00::1 fd00:ec2::254
    fec0::1 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::a00:1
    64:ff9b:1::a00:1 2002:7f00:1:: 2002:c0a8:101::1 2001:0:1:2::3 2001:db8::1 3fff::1 100::1 5f00::1 4000::1
    2a00:1450::5efe:a00:1 2a00:1450::200:5efe:7f00:1 nonsense"""
PUBLIC = "1.1.1.1 193.0.6.139 2a00:1450:4007::200e ::ffff:1.1.1.1 64:ff9b::101:101 2002:101:101::1"


@pytest.mark.parametrize("address", PRIVATE.split())
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert refused(address)
    with pytest.raises(RefusedAddress, match=r"example\.org:80 has the address"):
        fetch("http://example.org/", resolve=lambda *_: [address])


@pytest.mark.parametrize("address", PUBLIC.split())
def test_a_public_address_is_taken(address: str) -> None:
    assert refused(address) == ""


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "2130706433", "0x7f.1", "017700000001", "[::ffff:127.0.0.1]", "0"]
)
def test_this_machine_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises((RefusedAddress, Unreachable)), serving(says(answer(b"secret"))) as server:
        fetch(f"http://{host}:{server.port}/", seconds=3)
    assert not server.asked


def test_one_private_address_among_public_ones_is_enough() -> None:
    with pytest.raises(RefusedAddress, match=r"10\.0\.0\.1"):
        fetch("http://example.org/", resolve=lambda *_: ["1.1.1.1", "10.0.0.1"])


def test_what_an_operator_named_is_that_very_host_and_port() -> None:
    with serving(says(answer(b"hello"))) as server:
        for named in ("127.0.0.1:1", f"localhost:{server.port}", "127.0.0.1"):
            with pytest.raises(RefusedAddress, match="this machine itself") as caught:
                _fetch(server, allow={named})
            assert server.authority in caught.value.mend
        assert _fetch(server).body == b"hello"


def test_a_name_server_that_changes_its_mind_has_no_effect() -> None:
    """The first answer is checked and used; a second look-up, which would lead here, never takes place."""
    answers = iter([["192.0.2.1"], ["127.0.0.1"]])
    with serving(says(answer(b"secret"))) as server:
        with pytest.raises(RefusedAddress):
            fetch(f"http://example.org:{server.port}/", resolve=lambda *_: next(answers))
        answers = iter([["127.0.0.1"], ["10.0.0.1"]])
        found = fetch(
            f"http://example.org:{server.port}/",
            resolve=lambda *_: next(answers),
            allow={f"example.org:{server.port}"},
        )
        assert found.body == b"secret"
        assert list(answers) == [["10.0.0.1"]]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/", "example.org", "//example.org/", "",
        "http:", "http:///x", "http://user@example.org/", "http://user:word@example.org/", "http://example.org:0/",
        "http://example.org:65536/", "http://example.org:x/", "http://example.org:-1/", "http://exa mple.org/",
        "http://example.org/\r\nX: y", "http://example.org\\@localhost/", "http://example.org\t/", "http://[::1/",
        "http://[::1%25eth0]/", "http://a..b/", "http://-x%00/", "http://ex<ample/",
        "http://example.org/" + "a" * 40_000,
    ],
)  # fmt: skip
def test_a_url_that_is_not_plain_is_refused(url: str) -> None:
    with pytest.raises(RefusedAddress) as caught:
        fetch(url)
    assert caught.value.mend
    assert "user:" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "again"),
    [
        ("HTTP://Example.ORG", "http://example.org/"),
        ("https://example.org:443/a?b#c", "https://example.org/a?b"),
        ("http://example.org.:8080/é", "http://example.org:8080/%C3%A9"),
        ("http://exämple.org/%2F", "http://xn--exmple-cua.org/%2F"),
        ("http://[2A00:1450::1]:81/", "http://[2a00:1450::1]:81/"),
    ],
)
def test_a_url_has_one_spelling(url: str, again: str) -> None:
    assert read_url(url).url == again
    assert read_url(again).url == again


@pytest.mark.parametrize("text", ["a\r\nEvil: b", "a\nb", "a\0"])
def test_a_header_cannot_bring_another(text: str) -> None:
    with pytest.raises(UserError, match="'accept'"):
        fetch("http://example.org/", headers={"Accept": text})


# Redirects


def _hops(first: Callable[[Server], Script], second: Script, **more: object) -> tuple[Fetched, Server, Server]:
    with serving(second) as target, serving(first(target)) as server:
        found = _fetch(server, allow={server.authority, target.authority}, **more)
    return found, server, target


@pytest.mark.parametrize(
    ("status", "line", "body"),
    [(301, "POST", b"x"), (302, "POST", b"x"), (307, "POST", b"x"), (308, "POST", b"x"), (303, "GET", b"")],
)
def test_a_redirect_is_followed_and_takes_no_credentials_elsewhere(status: int, line: str, body: bytes) -> None:
    headers = {"Authorization": "Bearer t", "Cookie": "c", "Accept": "text/csv"}
    found, server, target = _hops(
        lambda target: redirects(f"{target.url}there", status),
        says(answer(b"hello")),
        method="POST",
        body=b"x",
        headers=headers,
    )
    assert (found.body, found.url) == (b"hello", f"{target.url}there")
    assert server.asked[0].headers["authorization"] == "Bearer t"
    (asked,) = target.asked
    assert asked.line == f"{line} /there HTTP/1.1"
    assert asked.body == body
    assert asked.headers["accept"] == "text/csv"
    assert not {"authorization", "cookie"} & set(asked.headers)


def test_a_redirect_within_one_host_keeps_credentials() -> None:
    def script(send: Callable[[bytes], None], asked: Asked) -> None:
        (says(answer(b"hello")) if "/b" in asked.line else redirects("/b"))(send, asked)

    with serving(script) as server:
        _fetch(server, headers={"Authorization": "Bearer t"})
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer t"] * 2


@pytest.mark.parametrize(
    ("location", "error", "says_what"),
    [
        ("http://127.0.0.1:1/", RefusedAddress, "this machine itself"),
        ("http://169.254.169.254/latest/meta-data/", RefusedAddress, "local link"),
        ("http://[::1]:80/", RefusedAddress, "this machine itself"),
        ("http://1.1.1.1/", RefusedAddress, "which is public, unlike itself"),
        ("file:///etc/passwd", RefusedAddress, "neither http nor https"),
        ("//user@127.0.0.1/", RefusedAddress, "user name"),
        ("http://[/", RefusedAddress, "no URL"),
        ("/", Unreachable, "redirects more than 3 times"),
    ],
)
def test_a_redirect_is_checked_like_any_address(location: str, error: type[FiliereError], says_what: str) -> None:
    with serving(redirects(location)) as server, pytest.raises(error, match=says_what):
        _fetch(server)
    assert len(server.asked) == (4 if location == "/" else 1)


def test_a_slow_chain_of_redirects_has_one_deadline() -> None:
    def script(send: Callable[[bytes], None], asked: Asked) -> None:
        time.sleep(0.6)
        redirects("/")(send, asked)

    began = time.monotonic()
    with serving(script) as server, pytest.raises(Unreachable, match=r"within 1\.5 seconds"):
        _fetch(server, most_redirects=50)
    assert time.monotonic() - began < _SECONDS + _SLACK


# TLS


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate of the tests is one that the system trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    monkeypatch.setattr(fetching, "_tls", fetching._tls.__wrapped__)


def _securely(server: Server, name: str) -> Fetched:
    authority = f"{name}:{server.port}"
    return fetch(
        f"https://{authority}/", resolve=lambda *_: ["127.0.0.1"], allow={authority}, seconds=_SECONDS, most_bytes=_MOST
    )


@pytest.mark.usefixtures("trusted")
def test_tls_verifies_the_name_though_the_address_is_given() -> None:
    with serving(says(answer(b"hello")), tls=True) as server:
        assert _securely(server, "filiere.test").body == b"hello"
        with pytest.raises(Unreachable, match=r"does not prove that it is other\.test"):
            _securely(server, "other.test")
    assert len(server.asked) == 1


def test_a_certificate_that_nobody_vouches_for_is_not_trusted() -> None:
    with serving(says(answer(b"hello")), tls=True) as server, pytest.raises(Unreachable, match="does not prove"):
        _securely(server, "filiere.test")


@pytest.mark.usefixtures("trusted")
def test_tls_is_never_left_by_a_redirect() -> None:
    with (
        serving(redirects("http://filiere.test/")) as plain,
        serving(redirects(plain.url), tls=True) as server,
        pytest.raises(RefusedAddress, match="from https to http"),
    ):
        _securely(server, "filiere.test")
    assert not plain.asked


@pytest.mark.usefixtures("trusted")
def test_an_end_that_tls_does_not_announce_is_no_end() -> None:
    with (
        serving(says(_OK + b"\r\nhello"), tls=True) as server,
        pytest.raises(Unreachable, match="cannot be reached"),
    ):
        _securely(server, "filiere.test")


def test_tls_to_a_plain_server_and_a_silent_one_end_in_time() -> None:
    began = time.monotonic()
    with serving(says(answer(b"hello"))) as server, pytest.raises(Unreachable):
        _securely(server, "filiere.test")
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable, match=r"within 1\.5 seconds"):
        _securely(Server(silent.getsockname()[1]), "filiere.test")
    assert time.monotonic() - began < 2 * _SECONDS + _SLACK
