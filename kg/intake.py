"""The child process that parses what others wrote, and its limits.

Parsers of outside formats can be made to eat all memory, to hang or to crash. They run in a process of their own that
cannot write files, has bounded memory and time, and dies alone; what it read comes back as JSON, one row a line.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any

from kg import garbage
from kg.errors import FiliereError, RefusedInput, TooLarge, UserError
from kg.findings import Finding, Row
from kg.model import Source
from kg.readers import files
from kg.readers.job import MIB, Job, Limits

_LONGEST_LINE = 512 * MIB  # one row on its way to the parent
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
# What a reader never does: events of Python's audit table (PEP 578) that reach other machines or start programs.
_FORBIDDEN = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "urllib.")
_ERRORS: dict[str, type[FiliereError]] = {cls.__name__: cls for cls in (UserError, RefusedInput, TooLarge)}


def parse(jobs: Sequence[Job], source: Source, limits: Limits = Limits()) -> Iterator[Row]:  # noqa: B008 (frozen)
    """The rows of the files, in order, read by a child process.

    Raises RefusedInput for a file that cannot be read, TooLarge for one past a limit; the file is named.
    """
    for job in jobs:
        files.check(job, limits)
    yield from _Child(jobs, source, limits).rows()


class _Child:
    """One child process and the watch over its time."""

    def __init__(self, jobs: Sequence[Job], source: Source, limits: Limits) -> None:
        self._jobs = jobs
        self._limits = limits
        self._late = False
        order = {
            "parent": os.getpid(),
            "source": asdict(source),
            "limits": asdict(limits),
            "jobs": [
                {
                    "path": str(job.path.resolve()),
                    "record": job.record,
                    "mapping": str(job.mapping.resolve()) if job.mapping else None,
                    "scheme": job.scheme,
                    "form": job.form,
                    "after": job.after,
                }
                for job in jobs
            ],
        }
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-P", "-X", "utf8", "-m", "kg.intake"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": str(Path(__file__).resolve().parent.parent), "LANG": "C.UTF-8"},
            cwd="/",
            close_fds=True,
        )
        self._order = json.dumps(order).encode()

    def rows(self) -> Iterator[Row]:
        """Every row. The child is gone when this ends, however it ends."""
        watch: threading.Timer | None = None
        name = self._jobs[0].path.name if self._jobs else ""
        try:
            assert self._process.stdin and self._process.stdout
            with suppress(BrokenPipeError):  # when it died already, the missing answer says so
                self._process.stdin.write(self._order)
                self._process.stdin.close()
            while line := self._process.stdout.readline(_LONGEST_LINE):
                if not line.endswith(b"\n"):
                    break
                kind, *rest = json.loads(line)
                if kind == "row":
                    yield _row(rest)
                elif kind == "file":
                    name = self._jobs[rest[0]].path.name
                    if watch:
                        watch.cancel()
                    watch = threading.Timer(self._limits.seconds, self._stop)
                    watch.daemon = True
                    watch.start()
                elif kind == "error":
                    raise _ERRORS.get(rest[0], RefusedInput)(_named(name, rest[1]), rest[2])
                else:
                    return
            raise self._death(name)
        finally:
            if watch:
                watch.cancel()
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    _close(pipe)

    def _stop(self) -> None:
        self._late = True
        self._process.kill()

    def _death(self, name: str) -> FiliereError:
        code = self._process.wait()
        if self._late or code == -signal.SIGXCPU:
            return TooLarge(f"{name}: reading it took more than {self._limits.seconds} seconds.", "Split the file.")
        if code in (-signal.SIGKILL, -signal.SIGABRT, -signal.SIGSEGV):
            reason = f"{name}: reading it took too much memory or broke the parser ({signal.Signals(-code).name})."
            return TooLarge(reason, "Split the file, or save it again in another format.")
        return RefusedInput(f"{name}: the process that reads files ended early (status {code}).", "Try again.")


def _close(pipe: IO[bytes]) -> None:
    with suppress(BrokenPipeError):
        pipe.close()


def _named(name: str, problem: str) -> str:
    return problem if name in problem else f"{name}: {problem}"


def _row(fields: list[Any]) -> Row:
    file, number, iri, payload, findings = fields
    return Row(file, number, iri, payload, tuple(Finding(*finding) for finding in findings))


# Below here is what runs in the child.


def _confine(limits: Limits, jobs: int, parent: int) -> None:
    import ctypes
    import resource

    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):  # Linux
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)  # the parent died before it could take us with it
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_AS, limits.memory_bytes),
    ):
        resource.setrlimit(what, (most, most))
    seconds = limits.seconds * max(1, jobs) + 5  # the parent's watch comes first; this is for when it is gone
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    sys.addaudithook(_forbid)


def _forbid(event: str, _: object) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"a reader may not do this: {event}")


def _answer(out: IO[bytes], *message: object) -> None:
    # backslashreplace: a lone surrogate that came through a parser must not stop the report about it
    out.write(json.dumps(message, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")


def _read_all(jobs: list[Job], source: Source, limits: Limits, out: IO[bytes]) -> None:
    for index, job in enumerate(jobs):
        _answer(out, "file", index)
        out.flush()
        for row in files.read(job, source, limits):
            findings = [(f.file, f.row, f.column, f.entity, f.reason, f.mend, f.severity) for f in row.findings]
            _answer(out, "row", row.file, row.number, row.iri, row.payload, findings)


def main() -> None:
    """Reads the order from standard input, answers on standard output."""
    garbage.seldom()
    order = json.loads(sys.stdin.buffer.read())
    limits = Limits(**order["limits"])
    _confine(limits, len(order["jobs"]), order["parent"])
    jobs = [
        replace(Job(**job), path=Path(job["path"]), mapping=Path(job["mapping"]) if job["mapping"] else None)
        for job in order["jobs"]
    ]
    out = sys.stdout.buffer
    try:
        _read_all(jobs, Source(**order["source"]), limits, out)
        _answer(out, "done")
    except FiliereError as error:
        _answer(out, "error", type(error).__name__, error.problem, error.mend)
    except MemoryError:
        _answer(
            out, "error", "TooLarge", f"Reading it takes more than {limits.memory_bytes:,} bytes.", "Split the file."
        )
    except RecursionError:
        _answer(out, "error", "TooLarge", "The file is nested too deeply.", "Flatten it.")
    except Exception as error:  # whatever a parser throws at a hostile file is the file's fault until shown otherwise
        reason = f"{type(error).__name__}: {str(error)[:200]}"
        _answer(out, "error", "RefusedInput", f"The file cannot be read ({reason}).", "Save it again, then retry.")
    out.flush()


if __name__ == "__main__":
    main()
