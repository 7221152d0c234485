"""What the encoder learns from: concepts with labels in many languages, and contract texts with their codes."""

from __future__ import annotations

import csv
import json
import random
import re
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

_FRENCH_ENGLISH = re.compile(r"^ +en: (.+)\n +fr: (.+)$", re.MULTILINE)
_EVERY = 25  # one notice in so many is kept aside to measure on
_LONGEST = 600  # characters of a notice that are learnt from
LEXICON = Path(__file__).with_name("lexicon.tsv")


@dataclass(slots=True)
class LabelledConcept:
    """One concept: its labels as (language, text); `english` is what the teacher model reads."""

    key: str
    labels: list[tuple[str, str]] = field(default_factory=list)
    english: str = ""


@dataclass(slots=True)
class Corpus:
    """Concepts, and pairs of (text, key of the concept it is about). Codes of CPV come first."""

    concepts: list[LabelledConcept]
    texts: list[tuple[str, str]]
    held_out: list[LabelledConcept]
    texts_held_out: list[tuple[str, str]]

    def by_text(self) -> list[tuple[str, tuple[list[str], float]]]:
        """Each different text with its keys and its weight: a notice in 24 languages counts as five, not as 24."""
        keys: dict[str, list[str]] = {}
        for text, key in self.texts:
            if key not in keys.setdefault(text, []):
                keys[text].append(key)
        copies = Counter(tuple(sorted(found)) for found in keys.values())
        return [(text, (found, copies[tuple(sorted(found))] ** -0.35)) for text, found in keys.items()]


def _table(path: Path, prefix: str, languages: list[str], key: str) -> list[LabelledConcept]:
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream, delimiter="\t")
        present = [name for name in languages if name in (reader.fieldnames or ())]
        out = []
        for row in reader:
            labels = [(lang, row[lang].strip()) for lang in present if row[lang] and row[lang].strip()]
            out.append(LabelledConcept(prefix + row[key], labels, row.get("en") or ""))
    return out


def _cpv(folder: Path) -> list[LabelledConcept]:
    path = folder / "cpv_23lang.tsv"
    with path.open(encoding="utf-8", newline="") as stream:
        heading = next(csv.reader(stream, delimiter="\t"))
    return _table(path, "cpv:", [name for name in heading if len(name) == 2], heading[0])


def _eurovoc(folder: Path) -> list[LabelledConcept]:
    out = []
    found = json.loads((folder / "eurovoc_715_23lang.json").read_text(encoding="utf-8"))
    rows = found if isinstance(found, list) else [dict(value, id=key) for key, value in found.items()]
    for number, row in enumerate(rows):
        labels = row.get("labels", row)
        pairs = [
            (lang, text)
            for lang, text in labels.items()
            if len(lang) == 2 and lang != "id" and isinstance(text, str) and text
        ]
        out.append(LabelledConcept(f"ev:{number}", pairs, dict(pairs).get("en", "")))
    text = (folder / "eurovoc_fr_en.yaml").read_text(encoding="utf-8")
    for match in _FRENCH_ENGLISH.finditer(text):
        english, french = (part.strip("'\"").replace("''", "'") for part in match.groups())
        out.append(LabelledConcept(f"evf:{len(out)}", [("fr", french), ("en", english)], english))
    return out


def _esco(folder: Path) -> list[LabelledConcept]:
    path = folder / "esco_skills_en_es_fr.tsv"
    with path.open(encoding="utf-8", newline="") as stream:
        heading = next(csv.reader(stream, delimiter="\t"))
    skills = _table(path, "esco:", ["en", "es", "fr"], heading[0])
    with path.open(encoding="utf-8", newline="") as stream:
        for skill, row in zip(skills, csv.DictReader(stream, delimiter="\t"), strict=True):
            for lang in ("es", "fr"):
                skill.labels += [(lang, text) for text in re.split(r"[|\n]", row[f"alt_{lang}"] or "") if text.strip()]
    return skills


def _thesaurus(path: Path) -> list[LabelledConcept]:
    """Competencies from their Turtle file, every kind of label."""
    from kg.rdf import read_turtle
    from kg.terms import language, value

    found: dict[str, LabelledConcept] = {}
    for subject, predicate, target in read_turtle(path):
        kind = predicate.rsplit("#", 1)[-1].rstrip(">")
        if kind in ("prefLabel", "altLabel", "hiddenLabel"):
            concept = found.setdefault(subject, LabelledConcept(subject))
            concept.labels.append((language(target), value(target)))
            if kind == "prefLabel" and language(target) == "en":
                concept.english = value(target)
    return [concept for concept in found.values() if len(concept.labels) > 1]


def _lexicon(path: Path) -> list[LabelledConcept]:
    """Words of tenders, shop floors and everyday life: a column a language, variants separated by "|"."""
    out: list[LabelledConcept] = []
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            labels = [(lang, part.strip()) for lang, said in row.items() for part in said.split("|") if part.strip()]
            out.append(LabelledConcept(f"word:{len(out)}", labels, row["en"].split("|")[0].strip()))
    return out


def _parallel(rows: Iterable[dict[str, str]]) -> list[LabelledConcept]:
    """What notices say in several languages; the pieces of a notice come in the same order in each of them."""
    notices: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        pieces = notices.setdefault(row["notice"], {}).setdefault(row["lang"], [])
        pieces.append(said(row))
    out: list[LabelledConcept] = []
    for notice, spoken in notices.items():
        lengths = Counter(len(pieces) for pieces in spoken.values())
        count, _ = lengths.most_common(1)[0]
        whole = {lang: pieces for lang, pieces in spoken.items() if len(pieces) == count}
        if len(whole) < 2:
            continue
        for piece in range(count):
            labels = [(lang, pieces[piece]) for lang, pieces in whole.items()]
            out.append(LabelledConcept(f"notice:{notice}:{piece}", labels, dict(labels).get("en", "")))
    return out


def said(row: dict[str, str]) -> str:
    """What a notice says, title and text, as far as it is learnt from."""
    return " ".join(f"{row['title']}. {row['text']}".split())[:_LONGEST].strip(". ")


def is_aside(row: dict[str, str]) -> bool:
    """Whether a notice is kept aside to measure on."""
    return zlib.crc32(row["notice"].encode()) % _EVERY == 0


def load(data: Path, thesaurus: Path | None, *, hold_out: int, seed: int) -> Corpus:
    """Everything below `data` (folders vocabularies and ted); `hold_out` CPV codes are kept for measuring."""
    folder = data / "vocabularies"
    cpv = _cpv(folder)
    chosen = set(random.Random(seed).sample(range(len(cpv)), hold_out)) if hold_out else set()
    concepts = [concept for number, concept in enumerate(cpv) if number not in chosen]
    nace = _table(folder / "nace_rev2_4lang.tsv", "nace:", ["en", "fr", "de", "it"], "code")
    concepts += _eurovoc(folder) + _esco(folder) + nace + _lexicon(LEXICON)
    if thesaurus is not None and thesaurus.is_file():
        concepts += _thesaurus(thesaurus)
    rows = json.loads((data / "ted" / "train_texts.json").read_text(encoding="utf-8"))
    aside = [row for row in rows if is_aside(row)]
    used = [row for row in rows if not is_aside(row)]
    known = {concept.key for concept in concepts}
    concepts += _parallel(used)
    texts, kept = (
        [(said(row), "cpv:" + code) for row in part for code in row["cpv"] if "cpv:" + code in known and said(row)]
        for part in (used, aside)
    )
    return Corpus([c for c in concepts if c.labels], texts, [cpv[number] for number in sorted(chosen)], kept)
