"""Vocabulary and vectors of the static encoder: a Unigram tokenizer, then two stages of contrastive learning."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import Unigram
from tokenizers.trainers import UnigramTrainer
from torch.nn import functional
from tqdm import tqdm

from search.training.corpus import Corpus, LabelledConcept

_TEMPERATURE = 0.05
_DROP = 0.1  # share of tokens left out of a training text, so that no single token carries it alone
_LONG = 16  # tokens from which a text is cut and thinned more: notices are few, so each is shown in many ways
_DROP_LONG = 0.5
_SIBLINGS = 0.5  # share of a batch drawn from a few divisions of CPV, whose codes are the hardest to tell apart
_DIVISIONS = 6
_BROADER = 0.15  # share of texts that are drawn to the code above theirs
UNKNOWN = "<unk>"


@dataclass(frozen=True)
class Recipe:
    """Every number of a training run; `seed` makes it repeatable on the same machine."""

    vocabulary: int = 64_000
    dimension: int = 384
    align_steps: int = 5000
    tune_steps: int = 2500
    batch: int = 1024
    rate: float = 0.01
    teacher_weight: float = 2.0
    seed: int = 20200325


def learn_tokenizer(corpus: Corpus, recipe: Recipe) -> Tokenizer:
    """Unigram over NFKD text without accents and case; words marked at their beginning."""
    tokenizer = Tokenizer(Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.UnicodeScripts(), pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.Whitespace(),
         pre_tokenizers.Metaspace(split=True)]
    )  # fmt: skip
    trainer = UnigramTrainer(
        vocab_size=recipe.vocabulary, special_tokens=[UNKNOWN], unk_token=UNKNOWN, max_piece_length=18
    )
    labels = (text for concept in corpus.concepts for _, text in concept.labels)
    tokenizer.train_from_iterator([*labels, *(text for text, _ in corpus.texts)], trainer)
    return tokenizer


class Bags:
    """Token ids of many texts in one flat array, from which batches are cut."""

    def __init__(self, tokenizer: Tokenizer, texts: Sequence[str]) -> None:
        unknown = tokenizer.token_to_id(UNKNOWN)
        assert unknown is not None
        self.ids = [
            np.array([i for i in encoding.ids if i != unknown] or [unknown], dtype=np.int64)
            for encoding in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        ]

    def batch(self, rows: Sequence[int], generator: np.random.Generator | None) -> tuple[torch.Tensor, torch.Tensor]:
        """(flat ids, offsets) of the rows, some of each left out when a generator is given."""
        picked = [self.ids[row] for row in rows]
        if generator is not None:
            picked = [_part(ids, generator) for ids in picked]
        lengths = [len(ids) for ids in picked]
        offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
        return torch.from_numpy(np.concatenate(picked)), torch.from_numpy(offsets)


def _part(ids: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.int64]:
    """Some of a text's tokens: of a long one a window, and fewer of them the longer it is."""
    count = len(ids)
    if count < 3:
        return ids
    drop = _DROP
    if count >= _LONG:
        drop = generator.uniform(_DROP, _DROP_LONG)
        if generator.random() < 0.5:
            width = int(generator.integers(_LONG // 2, count + 1))
            start = int(generator.integers(0, count - width + 1))
            ids = ids[start : start + width]
    kept = ids[generator.random(len(ids)) >= drop]
    return kept if len(kept) else ids


class Student:
    """The embedding table and its optimiser."""

    def __init__(self, size: int, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self.table = torch.nn.EmbeddingBag(size, recipe.dimension, mode="sum", sparse=True)
        torch.nn.init.normal_(self.table.weight, std=0.05)
        self.optimiser = torch.optim.SparseAdam(list(self.table.parameters()), lr=recipe.rate)

    def vectors(self, bags: Bags, rows: Sequence[int], generator: np.random.Generator | None) -> torch.Tensor:
        """Unit vectors [n, d] of the rows of a bag."""
        return functional.normalize(self.table(*bags.batch(rows, generator)), dim=1)

    def step(self, loss: torch.Tensor, rate: float) -> None:
        """One step of descent at a learning rate."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
        self.optimiser.step()  # type: ignore[no-untyped-call, unused-ignore]


def _contrast(left: torch.Tensor, right: torch.Tensor, keys: Sequence[int]) -> torch.Tensor:
    """In-batch contrastive loss both ways; rows about the same concept are not taken for each other's negatives."""
    scores = left @ right.T / _TEMPERATURE
    same = torch.tensor(keys)
    clash = (same[:, None] == same[None, :]) & ~torch.eye(len(keys), dtype=torch.bool)
    scores = scores.masked_fill(clash, -1e4)
    target = torch.arange(len(keys))
    return (functional.cross_entropy(scores, target) + functional.cross_entropy(scores.T, target)) / 2


def align(
    student: Student,
    concepts: Sequence[LabelledConcept],
    tokenizer: Tokenizer,
    teacher: NDArray[np.float32],
    recipe: Recipe,
) -> None:
    """Stage one: two labels of a concept lie together, near the teacher's vector of its English label."""
    flat = [text for concept in concepts for _, text in concept.labels]
    starts = np.cumsum([0, *(len(concept.labels) for concept in concepts)])
    bags, picker = Bags(tokenizer, flat), random.Random(recipe.seed)
    generator = np.random.default_rng(recipe.seed)
    usable = [n for n, concept in enumerate(concepts) if len(concept.labels) > 1]
    # A concept with labels in 23 languages is met more often than one with two, but not ten times as often.
    weights = [len(concepts[n].labels) ** 0.5 for n in usable]
    target = torch.from_numpy(teacher)
    known = torch.tensor([bool(concept.english) for concept in concepts])
    for step in tqdm(range(recipe.align_steps), desc="align", disable=None):
        chosen = picker.choices(usable, weights, k=recipe.batch)
        left, right = zip(*(picker.sample(range(starts[n], starts[n + 1]), 2) for n in chosen), strict=True)
        a, b = student.vectors(bags, left, generator), student.vectors(bags, right, generator)
        loss = _contrast(a, b, chosen)
        near = known[list(chosen)]
        goal = target[list(chosen)][near]
        loss = (
            loss
            + recipe.teacher_weight * ((1 - (a[near] * goal).sum(1)).mean() + (1 - (b[near] * goal).sum(1)).mean()) / 2
        )
        student.step(loss, _rate(step, recipe.align_steps, recipe.rate))


def tune(student: Student, corpus: Corpus, tokenizer: Tokenizer, recipe: Recipe) -> None:
    """Stage two: what contracts say lies near the labels of their codes, and labels stay together."""
    concepts = {concept.key: n for n, concept in enumerate(corpus.concepts)}
    flat = [text for concept in corpus.concepts for _, text in concept.labels]
    starts = np.cumsum([0, *(len(concept.labels) for concept in corpus.concepts)])
    labels, texts = Bags(tokenizer, flat), Bags(tokenizer, [text for text, _ in corpus.texts])
    about = [concepts[key] for _, key in corpus.texts]
    titles = Bags(tokenizer, [title for title, _ in corpus.pairs])
    bodies = Bags(tokenizer, [body for _, body in corpus.pairs])
    picker, generator = random.Random(recipe.seed + 1), np.random.default_rng(recipe.seed + 1)
    divisions: dict[str, list[int]] = {}
    for row, (_, key) in enumerate(corpus.texts):
        divisions.setdefault(key[4:6], []).append(row)
    names = sorted(divisions)
    above = {n: concepts.get(up) for key, n in concepts.items() if (up := broader(key, concepts))}
    usable = [n for n, concept in enumerate(corpus.concepts) if len(concept.labels) > 1]
    half = recipe.batch // 2
    for step in tqdm(range(recipe.tune_steps), desc="tune", disable=None):
        close = [row for name in picker.choices(names, k=_DIVISIONS) for row in divisions[name]]
        rows = picker.choices(close, k=int(half * _SIBLINGS))
        rows += [picker.randrange(len(about)) for _ in range(half - len(rows))]
        keys = [about[row] for row in rows]
        keys = [(above.get(n) or n) if picker.random() < _BROADER else n for n in keys]
        a = student.vectors(texts, rows, generator)
        b = student.vectors(labels, [picker.randrange(starts[n], starts[n + 1]) for n in keys], generator)
        loss = _contrast(a, b, keys)
        kept = picker.choices(usable, k=half)
        left, right = zip(*(picker.sample(range(starts[n], starts[n + 1]), 2) for n in kept), strict=True)
        loss = loss + _contrast(
            student.vectors(labels, left, generator), student.vectors(labels, right, generator), kept
        )
        said = [picker.randrange(len(corpus.pairs)) for _ in range(half // 2)]
        loss = loss + 0.5 * _contrast(
            student.vectors(titles, said, generator), student.vectors(bodies, said, generator), said
        )
        student.step(loss, _rate(step, recipe.tune_steps, recipe.rate / 4))


def broader(key: str, known: Collection[str]) -> str | None:
    """The nearest CPV code above one that is known, or None."""
    scheme, _, code = key.partition(":")
    if scheme != "cpv":
        return None
    for length in range(7, 1, -1):
        up = "cpv:" + code[:length].ljust(8, "0")
        if up != key and up in known:
            return up
    return None


def _rate(step: int, steps: int, most: float) -> float:
    """Linear fall to a twentieth, which settles the vectors at the end."""
    return most * (1 - 0.95 * step / steps)
