"""Nothing acknowledged is lost when the writer is killed; the long form is `make crash`."""

from __future__ import annotations

import time

from tests.api import crash

CYCLES = 30


def test_thirty_crashes_lose_nothing_and_leave_no_ghosts() -> None:
    seed = int(time.time())
    print(f"seed {seed}; repeat with: python -m tests.api.crash --cycles {CYCLES} --seed {seed}")
    counts = crash.run(CYCLES, seed)
    assert all(counts.values()), counts
