"""A vocabulary as a table: a code and one column a language; what is broader follows from the codes.

A table with names in no stated language (`name`) is taken too, and one of regions may say where they lie (`latitude`,
`longitude`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from kg import vocabulary as v
from kg.errors import RefusedInput
from kg.model import Concept, Text
from kg.readers.job import Job
from kg.readers.records import Builder
from kg.readers.table import Cells

_CODE_HEADINGS = ("code", "notation", "id", "uri", "iri")
_LABEL = re.compile(r"^(?:(alt|hidden|pref)[_-])?([a-z]{2})$")
_NAME_HEADINGS = ("name", "label")  # in whatever language; read when no column is for one
_POSITION = ("latitude", "longitude")
_BROADER_HEADINGS = ("broader", "parent")
_SECTION = re.compile(r"^[A-Z]$")
# NACE Rev. 2: a section's first and last division. Source: Regulation (EC) No 1893/2006, annex I.
_NACE_SECTIONS = (
    "A 1 3|B 5 9|C 10 33|D 35 35|E 36 39|F 41 43|G 45 47|H 49 53|I 55 56|J 58 63|K 64 66|L 68 68|M 69 75|N 77 82|"
    "O 84 84|P 85 85|Q 86 88|R 90 93|S 94 96|T 97 98|U 99 99"
)


def read(rows: Cells, job: Job, builder: Builder) -> Iterator[tuple[int | None, Concept | None]]:
    """(row, concept or None). Raises RefusedInput when there is no column of codes or none of labels."""
    numbered = iter(rows)
    heading = next(numbered, None)
    names = [cell.strip().casefold() for cell in heading[1]] if heading else []
    code_at = next((names.index(name) for name in _CODE_HEADINGS if name in names), None)
    broader_at = next((names.index(name) for name in _BROADER_HEADINGS if name in names), None)
    labels = [
        (at, found.group(1), found.group(2))
        for at, name in enumerate(names)
        if (found := _LABEL.match(name)) and at not in (code_at, broader_at) and name != "id"
    ]
    if not any(role in (None, "pref") for _, role, _ in labels):
        labels += [(names.index(name), None, "") for name in _NAME_HEADINGS if name in names][:1]
    if code_at is None or not any(role in (None, "pref") for _, role, _ in labels):
        seen = ", ".join(repr(name)[:40] for name in names[:20])
        what = "code" if code_at is None else "language, such as 'en'"
        raise RefusedInput(f"The column {what!r} is missing; the heading says {seen}.", "See 'vocabulary add --help'.")
    table = [(number, cells) for number, cells in numbered if any(cell.strip() for cell in cells)]
    scheme = job.scheme or "codes"
    position = [names.index(name) for name in _POSITION if name in names]
    codes = {_notation(scheme, cells[code_at]) for _, cells in table if len(cells) > code_at}
    for number, cells in table:
        builder.begin(number)
        given = cells[broader_at].strip() if broader_at is not None and broader_at < len(cells) else ""
        concept = _concept(cells, code_at, labels, given, scheme, codes, builder)
        yield number, concept and _placed(concept, cells, position, builder)


def _placed(concept: Concept, cells: list[str], position: list[int], builder: Builder) -> Concept | None:
    given = [cells[at].strip() if at < len(cells) else "" for at in position]
    if not any(given):
        return concept
    if not all(given) or len(given) != len(_POSITION):
        builder.problem("latitude", "Latitude or longitude is missing.", "Give both, or neither.")
        return None
    latitude, longitude = builder.position(dict(zip(_POSITION, given, strict=True)))
    return None if builder.failed() else replace(concept, latitude=latitude, longitude=longitude)


def _notation(scheme: str, text: str) -> str:
    """The code as our IRIs spell it: of an IRI its last part, of a CPV or NACE code its stored form."""
    found = text.strip()
    namespace = v.concept_namespace(scheme)
    if found.startswith(("http://", "https://")):
        return found.removeprefix(namespace) if found.startswith(namespace) else v.local_name(found)
    normal = v.normal_code(f"{scheme}:{found}")
    return normal.partition(":")[2] if normal else found


def _concept(
    cells: list[str],
    code_at: int,
    labels: list[tuple[int, str | None, str]],
    given: str,
    scheme: str,
    codes: set[str],
    builder: Builder,
) -> Concept | None:
    code = builder.text({"code": _notation(scheme, cells[code_at]) if len(cells) > code_at else ""}, "code")
    if not code:
        builder.problem("code", "The code is missing.", "Give each row its code.")
        return None
    builder.name(v.code_iri(f"{scheme}:{code}"))
    preferred: list[Text] = []
    others: dict[str, list[Text]] = {"alt": [], "hidden": []}
    for at, role, lang in labels:
        column = f"{role}_{lang}" if role else lang
        said = builder.text({column: cells[at] if at < len(cells) else ""}, column)
        if said and role in (None, "pref"):
            preferred.append(Text(said, lang))
        elif said and role:
            parts = dict.fromkeys(part.strip() for part in re.split(r"\s\|\s|\|", said) if part.strip())
            others[role] += [Text(part, lang) for part in parts]
    if not preferred:
        builder.problem("label", "The concept has no label.", "Fill in at least one language.")
    broader = _notation(scheme, given) if given else _broader(scheme, code, codes)
    if builder.failed():
        return None
    return Concept(
        iri=builder.entity,
        scheme=scheme,
        notation=code,
        preferred=tuple(preferred),
        alternative=tuple(text for text in others["alt"] if text not in preferred),
        hidden=tuple(others["hidden"]),
        broader=(v.code_iri(f"{scheme}:{broader}"),) if broader else (),
    )


def _broader(scheme: str, code: str, codes: set[str]) -> str:
    """The next shorter code that the file holds: CPV codes are filled up with zeros, others only grow longer."""
    if scheme == "cpv":
        stem = code.rstrip("0")
        for length in range(len(stem) - 1, 1, -1):
            found = stem[:length].ljust(8, "0")
            if found in codes and found != code:
                return found
        return ""
    if scheme == "nuts":
        return code[:-1] if code[:-1] in codes else ""
    if _SECTION.match(code) or not re.fullmatch(r"[A-Z]?[0-9.]{2,8}", code):
        return ""
    for length in range(len(code) - 1, 1, -1):
        if code[:length].rstrip(".") in codes:
            return code[:length].rstrip(".")
    return _section(code, codes) if scheme.startswith("nace") else ""


def _section(code: str, codes: set[str]) -> str:
    for section in _NACE_SECTIONS.split("|"):
        letter, first, last = section.split()
        if letter in codes and code[:2].isdigit() and int(first) <= int(code[:2]) <= int(last):
            return letter
    return ""
