"""The dumps of a data folder: built beside the requests, kept on disk, one file a source and seq."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from kg.errors import FiliereError, storage_error
from kg.federation import dump
from kg.federation.node import Dump
from kg.journal import Journal


class Dumps:
    """Files in a folder: `NAME.SEQ.nt.gz`, and `NAME.json` that says which one is whole and what is in it."""

    def __init__(self, journal: Journal, folder: Path) -> None:
        self._journal = journal
        self._folder = folder
        self._known: dict[str, Dump] = {}
        self._countries: dict[str, list[str]] = {}
        self._building: dict[str, Future[Dump]] = {}
        self._lock = threading.Lock()
        self._builder = ThreadPoolExecutor(1, thread_name_prefix="dump")

    def known(self, source: str, seq: int, patience: float) -> Dump | None:
        """The dump of a source at `seq`; after `patience` seconds, the one before it, or None when there is none.

        Raises StorageFull or DataFolderError when none can be written.
        """
        with self._lock:
            found = self._known.get(source) or self._read(source)
            if found is not None and found.seq >= seq:
                return found
            if source not in self._building:
                self._building[source] = self._builder.submit(self._build, source)
            building = self._building[source]
        try:
            return building.result(patience)
        except NotYet:
            return found
        except FiliereError:
            if found is not None:
                return found
            raise

    def file(self, source: str, found: Dump) -> Path:
        """Where the bytes of a dump are."""
        return self._folder / f"{source}.{found.seq}{dump.SUFFIX}"

    def countries(self, source: str) -> list[str]:
        """The countries (ISO 3166-1 alpha-2) that its newest dump names; none before there is one."""
        return self._countries.get(source, [])

    def keep(self, sources: Collection[str]) -> None:
        """Removes what was dumped of any other source."""
        with self._lock:
            for described in self._folder.glob("*.json"):
                if described.stem not in sources:
                    self._known.pop(described.stem, None)
                    self._remove(described.stem)
                    with suppress(OSError):
                        described.unlink()

    def close(self) -> None:
        """Waits for the dump that is being built, and builds no other."""
        self._builder.shutdown(cancel_futures=True)

    def _read(self, source: str) -> Dump | None:
        """What an earlier process built, if it is whole."""
        try:
            said = json.loads((self._folder / f"{source}.json").read_text(encoding="utf-8"))
            found, countries = Dump(**said["dump"]), [str(code) for code in said["countries"]]
            with self.file(source, found).open("rb") as stream:
                whole = hashlib.file_digest(stream, "sha256").hexdigest() == found.sha256
        except (OSError, ValueError, TypeError, KeyError):
            return None
        if not whole:
            return None
        self._known[source] = found
        self._countries[source] = countries
        return found

    def _build(self, source: str) -> Dump:
        scratch = self._folder / f"{source}.new{dump.SUFFIX}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            found, countries = dump.write(self._journal, source, scratch)
            with self._lock:
                scratch.replace(self.file(source, found))
                described = self._folder / f"{source}.json.tmp"
                described.write_text(json.dumps({"dump": asdict(found), "countries": countries}), encoding="utf-8")
                described.replace(self._folder / f"{source}.json")
                self._known[source] = found
                self._countries[source] = countries
                self._remove(source, but=found)
        except OSError as error:
            raise storage_error(error, self._folder) from error
        finally:
            with self._lock:
                self._building.pop(source, None)
        return found

    def _remove(self, source: str, but: Dump | None = None) -> None:
        """Older dumps go at once: what was erased must not stay in them."""
        kept = self.file(source, but) if but else None
        for file in self._folder.glob(f"{source}.*{dump.SUFFIX}"):
            seq = file.name.removeprefix(f"{source}.").removesuffix(dump.SUFFIX)
            if file != kept and (seq.isdigit() or seq == "new"):
                with suppress(OSError):
                    file.unlink()
