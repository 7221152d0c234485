"""XLSX sheets, read with python-calamine once the archive's sizes are known to be sane."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from kg.errors import RefusedInput, TooLarge
from kg.readers.job import Limits

_RATIO = 200  # a sheet of text packs about 10 to 1; a bomb 1,000 to 1


def rows(data: bytes, limits: Limits) -> Iterator[tuple[int, list[str]]]:
    """(row, cells) of the first sheet. Raises RefusedInput for another format, TooLarge for a bomb."""
    _check_archive(data, limits)
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        sheet = CalamineWorkbook.from_filelike(BytesIO(data)).get_sheet_by_index(0)
        table = sheet.to_python(skip_empty_area=False)
    except (CalamineError, IndexError, OSError, ValueError) as error:
        mend = "Save it again as .xlsx, or as CSV UTF-8."
        raise RefusedInput(f"The workbook cannot be read ({error}).", mend) from error
    for number, cells in enumerate(table, 1):
        yield number, [_text(cell) for cell in cells]


def _check_archive(data: bytes, limits: Limits) -> None:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise RefusedInput(f"The file is not an XLSX workbook ({error}).", "Save it again as .xlsx.") from error
    total = sum(entry.file_size for entry in entries)
    packed = max(1, sum(entry.compress_size for entry in entries))
    if total > limits.unpacked_bytes or (total > 2**20 and total / packed > _RATIO) or len(entries) > 10_000:
        raise TooLarge(
            f"The workbook unpacks from {len(data):,} to {total:,} bytes.", "Save only the sheet with the actors."
        )


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime.datetime | datetime.date):
        return cell.isoformat()[:10]
    return str(cell)
