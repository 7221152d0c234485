"""SPARQL endpoints on loopback that rdflib answers, for the W3C's tests of SERVICE."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import rdflib

from tests.conformance.manifest import Case


class Endpoints:
    """One address for each endpoint of each case; `stop` closes them all."""

    def __init__(self, cases: list[Case]) -> None:
        self._files: dict[str, Path] = {}
        self._paths: dict[tuple[str, str], str] = {}
        for case in cases:
            for number, (iri, file) in enumerate(case.endpoints):
                path = f"/{case.id}/{number}"
                self._files[path], self._paths[case.id, iri] = file, path
        files = self._files

        class Handler(BaseHTTPRequestHandler):
            """Answers POST with a query, direct or as a form."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode("utf-8")
                if self.headers["Content-Type"].startswith("application/x-www-form-urlencoded"):
                    body = parse_qs(body)["query"][0]
                graph = rdflib.Graph()
                graph.parse(files[self.path], format="turtle")
                answer = graph.query(body).serialize(format="json") or b""
                self.send_response(200)
                self.send_header("Content-Type", "application/sparql-results+json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def urls(self) -> list[str]:
        """Every address."""
        return [self._url + path for path in self._files]

    def moved(self, case: Case, text: str) -> str:
        """A text of a case with its endpoints' names made their addresses here."""
        for (id, iri), path in self._paths.items():
            if id == case.id:
                text = text.replace(iri, self._url + path)
        return text

    def stop(self) -> None:
        """Closes them."""
        self._server.shutdown()
        self._server.server_close()
