"""Named points of the write path at which a crash can be asked for, so that tests can kill the real process there."""

from __future__ import annotations

import os
import signal

POINTS = (
    "journal.begun",
    "journal.written",
    "journal.committed",
    "graph.before",
    "graph.applied",
    "snapshot.copied",
    "snapshot.renamed",
    "index.begun",
    "index.written",
    "index.manifest",
    "index.renamed",
    "index.pruned",
    "suggested.begun",
    "suggested.written",
)

ERASURE_POINTS = (
    "erasure.written",
    "erasure.committed",
    "erasure.scrubbed",
    "erasure.graph",
    "erasure.index",
)
REMOTE_POINTS = ("graph.part",)  # passed only where the graph is kept elsewhere
HARVEST_POINTS = (  # passed only by a harvest
    "harvest.begun",
    "harvest.fetched",
    "harvest.parsed",
    "harvest.compared",
    "harvest.committed",
    "harvest.kept",
    "harvest.logged",
    "harvest.cleared",
)

_ALL = (*POINTS, *ERASURE_POINTS, *REMOTE_POINTS, *HARVEST_POINTS)
_armed: dict[str, int] = {}


def arm(name: str, nth: int = 1) -> None:
    """Kill this process (SIGKILL) when it passes the point for the nth time. Raises ValueError for an unknown name."""
    if name not in _ALL:
        raise ValueError(f"no such point: {name}; points are {', '.join(_ALL)}")
    _armed[name] = nth


def point(name: str) -> None:
    """Marks a point of the write path; does nothing unless armed."""
    if name in _armed:
        _armed[name] -= 1
        if _armed[name] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
