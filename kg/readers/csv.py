"""CSV in UTF-8, with comma, semicolon or tab."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from kg.errors import RefusedInput
from kg.readers.job import MIB

_MARK = "\ufeff"
_WIDE = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """(row as a spreadsheet counts, cells). Raises RefusedInput for another encoding, saying at which byte."""
    for mark, name in _WIDE.items():
        if data.startswith(mark):
            raise RefusedInput(f"The file is {name}, not UTF-8.", "Save it as 'CSV UTF-8'.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RefusedInput(
            f"The file is not UTF-8: byte {error.start + 1} (line {line}) is 0x{data[error.start]:02X}.",
            "Save it as 'CSV UTF-8'; it may be Windows-1252 or Latin-1 now.",
        ) from error
    text = text.removeprefix(_MARK)
    heading = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=heading.count)
    csv.field_size_limit(64 * MIB)  # an oversized cell is reported by row; this only stops one that fills the memory
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            yield number, cells
    except csv.Error as error:
        raise RefusedInput(
            f"Row {number + 1} (line {reader.line_num}) is not CSV: {error}.", "Look for a quote that is not closed."
        ) from error
