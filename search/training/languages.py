"""Learns search/models/language.npz from labels in 23 languages: python -m search.training.languages --data FOLDER."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from search.language import BUCKETS, FILE, features
from search.training import corpus as corpora

_EVERY = 20  # one label in so many is kept aside to measure on
_LEAST = 300  # labels a language needs to be learnt
_SMOOTHING = 0.3


def main() -> None:
    """Counts, writes the table of log probabilities, and prints the share of held-out labels that are guessed right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with vocabularies/ and ted/")
    parser.add_argument("--out", type=Path, default=FILE)
    given = parser.parse_args()
    found = corpora.load(given.data, None, hold_out=0, seed=0)
    by_language: dict[str, list[str]] = {}
    for concept in found.concepts:
        for lang, text in concept.labels:
            by_language.setdefault(lang, []).append(text)
    languages = sorted(lang for lang, texts in by_language.items() if len(texts) >= _LEAST)
    counts = np.full((BUCKETS, len(languages)), _SMOOTHING)
    for column, lang in enumerate(languages):
        for number, text in enumerate(by_language[lang]):
            if number % _EVERY:
                np.add.at(counts[:, column], features(text), 1)
    logs = np.log(counts / counts.sum(axis=0))
    table = np.clip(np.round((logs - logs.mean(axis=1, keepdims=True)) * 16), -127, 127).astype(np.int8)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(given.out, languages=np.array(languages), table=table)
    for column, lang in enumerate(languages):
        aside = by_language[lang][::_EVERY]
        right = sum(
            int((table[features(t)].sum(axis=0, dtype=int)).argmax()) == column for t in aside if len(features(t))
        )
        print(f"{lang} {right / len(aside):.3f} of {len(aside)}")


if __name__ == "__main__":
    main()
