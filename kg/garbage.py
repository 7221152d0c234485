"""How often a process of ours looks for cycles of garbage: Python's default is made for small heaps."""

from __future__ import annotations

import gc

_YOUNG, _MIDDLE, _OLD = 50_000, 20, 50  # Python has 700, 10, 10


def seldom() -> None:
    """Looks for cycles seldom, and never through what is loaded already. A process calls it once, as it begins.

    Records, statements and matches hold no cycles: looking for them took a fifteenth of the building of an index.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
