"""Trains the static encoder: python -m search.training --data FOLDER --out FOLDER."""

from __future__ import annotations

import argparse
import hashlib
import json
from datetime import date
from pathlib import Path

import numpy as np

from search.encoder import FORMAT, StaticEncoder
from search.training import corpus as corpora
from search.training import learn, teacher
from search.training.evaluate import held_out_hits, text_hits


def write(out: Path, student: learn.Student, tokenizer_json: str, unknown: int, languages: list[str]) -> None:
    """The model folder: tokenizer, int8 vectors, scales, and a manifest with their checksums."""
    out.mkdir(parents=True, exist_ok=True)
    table = student.table.weight.detach().numpy().astype(np.float32)
    scales = np.maximum(np.abs(table).max(axis=1), 1e-12) / 127
    np.save(out / "vectors.npy", np.round(table / scales[:, None]).astype(np.int8))
    np.save(out / "scales.npy", scales.astype(np.float32))
    (out / "tokenizer.json").write_text(tokenizer_json, encoding="utf-8")
    files = ("vectors.npy", "scales.npy", "tokenizer.json")
    digests = {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in files}
    total = hashlib.sha256("".join(digests.values()).encode()).hexdigest()[:8]
    manifest = {
        "format": FORMAT,
        "name": f"filiere-static-{date.today():%Y.%m}-{total}",
        "dimension": int(table.shape[1]),
        "unknown": unknown,
        "languages": languages,
        "sha256": digests,
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Reads the arguments, trains, writes, and prints hit@10 for the codes that were held out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with vocabularies/ and ted/")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model")
    parser.add_argument("--thesaurus", type=Path, default=Path("ontology/schemes/competencies.ttl"))
    parser.add_argument("--cache", type=Path, default=Path("build/training"))
    parser.add_argument("--hold-out", type=int, default=0, help="CPV codes left out of training, to measure on")
    parser.add_argument("--align-steps", type=int, default=learn.Recipe.align_steps)
    parser.add_argument("--tune-steps", type=int, default=learn.Recipe.tune_steps)
    parser.add_argument("--vocabulary", type=int, default=learn.Recipe.vocabulary)
    given = parser.parse_args()
    recipe = learn.Recipe(align_steps=given.align_steps, tune_steps=given.tune_steps, vocabulary=given.vocabulary)
    found = corpora.load(given.data, given.thesaurus, hold_out=given.hold_out, seed=recipe.seed)
    print(f"{len(found.concepts)} concepts, {len(found.texts)} texts, {len(found.pairs)} pairs", flush=True)
    tokenizer = learn.learn_tokenizer(found, recipe)
    print(f"{tokenizer.get_vocab_size()} tokens", flush=True)
    goal = teacher.embed([concept.english or concept.labels[0][1] for concept in found.concepts], given.cache)
    student = learn.Student(tokenizer.get_vocab_size(), recipe)
    learn.align(student, found.concepts, tokenizer, goal, recipe)
    learn.tune(student, found, tokenizer, recipe)
    languages = sorted({lang for concept in found.concepts for lang, _ in concept.labels})
    unknown = tokenizer.token_to_id(learn.UNKNOWN)
    assert unknown is not None
    write(given.out, student, tokenizer.to_str(), unknown, languages)
    every = corpora.load(given.data, None, hold_out=0, seed=recipe.seed)
    codes = [concept for concept in every.concepts if concept.key.startswith("cpv:")]
    trained = StaticEncoder.load(given.out)
    print(f"code of a held-out notice among the ten nearest: {text_hits(trained, codes, found.texts_held_out):.3f}")
    if found.held_out:
        print(json.dumps(held_out_hits(trained, codes, found.held_out), indent=1))


if __name__ == "__main__":
    main()
