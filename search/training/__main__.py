"""Trains the static encoder: python -m search.training --data FOLDER --out FOLDER."""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import fields
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch.nn import functional

from search.encoder import FORMAT, StaticEncoder
from search.subwords import Subwords
from search.training import corpus as corpora
from search.training import learn, teacher
from search.training.evaluate import held_out_hits, text_hits
from search.training.learn import Recipe


def packed(table: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """Rows [n, d] as two 4-bit numbers a byte [n, d/2], each with 8 added, and the scale of each row [n].

    The scale is the one, of a few below the largest number, by which a row loses least.
    """
    best = np.full(len(table), np.inf, dtype=np.float32)
    scales = np.ones(len(table), dtype=np.float32)
    most = np.maximum(np.abs(table).max(axis=1), 1e-6)
    for share in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5):
        scale = (most * share / 7).astype(np.float16).astype(np.float32)
        rounded = np.clip(np.round(table / scale[:, None]), -8, 7)
        lost = ((rounded * scale[:, None] - table) ** 2).sum(axis=1)
        better = lost < best
        best[better], scales[better] = lost[better], scale[better]
    numbers = (np.clip(np.round(table / scales[:, None]), -8, 7) + 8).astype(np.uint8)
    half = table.shape[1] // 2
    joined = np.bitwise_or(numbers[:, :half], numbers[:, half:] << 4).astype(np.uint8)
    return joined, scales.astype(np.float16)


def write(
    out: Path, student: learn.Student, head: learn.Head, codes: list[str], tokenizer: str, recipe: Recipe
) -> None:
    """The model folder: tokenizer, 4-bit vectors, scales, anchors of codes, and a manifest with their checksums."""
    out.mkdir(parents=True, exist_ok=True)
    vectors, scales = packed(student.table.numpy().astype(np.float32))
    np.save(out / "vectors.npy", vectors)
    np.save(out / "scales.npy", scales)
    anchors = functional.normalize(head.anchors.detach(), dim=1).numpy()
    steps = np.abs(anchors).max(axis=1, keepdims=True) / 127
    np.savez(out / "anchors.npz", vectors=np.round(anchors / steps).astype(np.int8), codes=np.array(codes))
    (out / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    files = ("vectors.npy", "scales.npy", "anchors.npz", "tokenizer.json")
    digests = {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in files}
    total = hashlib.sha256("".join(digests.values()).encode()).hexdigest()[:8]
    manifest = {
        "format": FORMAT,
        "name": f"filiere-static-{date.today():%Y.%m}-{total}",
        "dimension": recipe.dimension,
        "buckets": recipe.buckets,
        "sharpness": round(float(head.sharpness.exp()), 3),
        "sha256": digests,
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Reads the arguments, trains, writes, and prints what is measured on what was kept aside."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with vocabularies/ and ted/")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model")
    parser.add_argument("--thesaurus", type=Path, default=Path("ontology/schemes/competencies.ttl"))
    parser.add_argument("--cache", type=Path, default=Path("build/training"))
    parser.add_argument("--hold-out", type=int, default=0, help="CPV codes left out of training, to measure on")
    for field in fields(Recipe):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default)
    given = parser.parse_args()
    recipe = Recipe(**{field.name: getattr(given, field.name) for field in fields(Recipe)})
    found = corpora.load(given.data, given.thesaurus, hold_out=given.hold_out, seed=recipe.seed)
    print(f"{len(found.concepts)} concepts, {len(found.texts)} texts with a code", flush=True)
    tokenizer = learn.learn_tokenizer(found, recipe).to_str()
    subwords = Subwords(tokenizer, recipe.buckets)
    english = [concept.english or concept.labels[0][1] for concept in found.concepts]
    goal = teacher.embed(english, given.cache, recipe.dimension)
    student = learn.Student(learn.Lexicon(subwords), len(subwords), recipe)
    labels = learn.Labels(found.concepts, student.lexicon, goal)
    learn.align(student, labels, recipe)
    head = learn.tune(student, labels, found, recipe)
    codes = [concept.key for concept in found.concepts if concept.key.startswith("cpv:")]
    write(given.out, student, head, codes, tokenizer, recipe)
    every = corpora.load(given.data, None, hold_out=0, seed=recipe.seed)
    cpv = [concept for concept in every.concepts if concept.key.startswith("cpv:")]
    trained = StaticEncoder.load(given.out)
    print(f"code of a held-out notice among the ten nearest: {text_hits(trained, found.texts_held_out):.3f}")
    if found.held_out:
        print(json.dumps(held_out_hits(trained, cpv, found.held_out), indent=1))


if __name__ == "__main__":
    main()
