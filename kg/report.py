"""What an import did, row by row and in short."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass
from typing import Any

from kg.findings import Finding

_MOST_LINES = 20
_SHOWN = 160  # characters of a reason in the summary
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Report:
    """What an import read, wrote and set aside. `seq` is the journal's last change, None when nothing was written."""

    source: str
    files: tuple[str, ...]
    read: int
    written: int
    unchanged: int
    deleted: int
    set_aside: int
    findings: tuple[Finding, ...]
    dry_run: bool
    seq: int | None
    seconds: float

    def summary(self) -> str:
        """The counts, then the findings that are alike in one line each, at most 20."""
        lines = [
            f"Source {self.source}: {self.read:,} records read in {self.seconds:.1f} s.",
            f"Written {self.written:,}, unchanged {self.unchanged:,}, deleted {self.deleted:,}, "
            f"set aside {self.set_aside:,}.",
        ]
        if self.dry_run:
            lines[1:] = ["This is what an import would do; nothing was written.", *lines[1:]]
        return "\n".join(lines + grouped(self.findings, _MOST_LINES))

    def to_csv(self) -> str:
        """One finding a line: severity, file, row, column, entity, reason, mend; safe to open in a spreadsheet."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["severity", "file", "row", "column", "entity", "reason", "mend"])
        for f in self.findings:
            row = "" if f.row is None else str(f.row)
            writer.writerow([_safe(cell) for cell in (f.severity, f.file, row, f.column, f.entity, f.reason, f.mend)])
        return out.getvalue()

    def as_dict(self) -> dict[str, Any]:
        """The report as plain lists, texts and numbers."""
        return asdict(self) | {"files": list(self.files), "findings": [asdict(f) for f in self.findings]}


def _safe(cell: str) -> str:
    """A cell that a spreadsheet will not take for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def grouped(findings: tuple[Finding, ...], most: int) -> list[str]:
    """Lines of text, one for all findings of the same column and mend; errors first, then the most frequent."""
    groups: dict[tuple[str, str, str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.severity, finding.file, finding.column, finding.mend), []).append(finding)
    ordered = sorted(groups.items(), key=lambda item: (item[0][0] != "error", -len(item[1])))
    lines = []
    for (severity, file, column, mend), alike in ordered[:most]:
        first = alike[0]
        where = ", ".join(
            part
            for part in (file, f"row {first.row}" if first.row is not None else "", column and f"column {column}")
            if part
        )
        times = f" ({len(alike):,} times; first:)" if len(alike) > 1 else ""
        lines.append(f"{severity}{times} {where or first.entity}: {first.reason[:_SHOWN]} {mend}")
    left = sum(len(alike) for _, alike in ordered[most:])
    return [*lines, f"… and {left:,} more, see --report FILE"] if left else lines
