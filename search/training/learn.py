"""Vectors of the static encoder: words joined across languages by labels, then contract texts joined to their codes."""

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

from search.encoder import position_weights
from search.subwords import Subwords, words
from search.training.corpus import Corpus, LabelledConcept

_TEMPERATURE = 0.05
_DROP = 0.1  # share of the words and of the word parts left out of a training text, so that none carries it alone
_LONG = 8  # words from which a text is cut and thinned more: notices are few, so each is shown in many ways
_DROP_LONG = 0.5
_LEVELS = (4, 3, 2)  # digits of CPV's classes, groups and divisions: a near miss is better than a wide one
_LEVEL_WEIGHT = 0.5
_FIRST_SHARPNESS = 25.0
_BETAS = (0.9, 0.999)
UNKNOWN = "<unk>"


@dataclass(frozen=True)
class Recipe:
    """Every number of a training run; `seed` makes it repeatable on the same machine."""

    vocabulary: int = 64_000
    buckets: int = 160_000
    dimension: int = 256
    align_steps: int = 2600
    tune_steps: int = 300
    batch: int = 1024
    rate: float = 0.01
    tune_rate: float = 0.003
    anchor_rate: float = 0.001
    teacher_weight: float = 1.0
    seed: int = 20200325


def learn_tokenizer(corpus: Corpus, recipe: Recipe) -> Tokenizer:
    """Unigram over folded words, each marked at its beginning."""
    tokenizer = Tokenizer(Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.UnicodeScripts(), pre_tokenizers.Digits(individual_digits=False),
         pre_tokenizers.Metaspace(split=True)]
    )  # fmt: skip
    trainer = UnigramTrainer(
        vocab_size=recipe.vocabulary, special_tokens=[UNKNOWN], unk_token=UNKNOWN, max_piece_length=18
    )
    labels = (text for concept in corpus.concepts for _, text in concept.labels)
    said = [*labels, *(text for text, _ in corpus.texts)]
    tokenizer.train_from_iterator((word for text in said for word in words(text)), trainer)
    return tokenizer


class Lexicon:
    """The parts of every word met in training, in one flat array."""

    def __init__(self, subwords: Subwords) -> None:
        self._subwords = subwords
        self._place: dict[str, int] = {}
        self._parts: list[NDArray[np.int64]] = []

    def bags(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """The numbers of the words of each text; one that is empty has word 0."""
        found = [words(text) for text in texts]
        fresh = list(dict.fromkeys(word for parts in found for word in parts if word not in self._place))
        for word, parts in zip(fresh, self._subwords.of(fresh), strict=True):
            self._place[word] = len(self._parts)
            self._parts.append(parts if len(parts) else np.zeros(1, dtype=np.int64))
        return [np.array([self._place[word] for word in parts] or [0], dtype=np.int64) for parts in found]

    def parts(self, numbers: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """The parts of each of the words."""
        return [self._parts[number] for number in numbers.tolist()]


def thinned(ids: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.int64]:
    """Some of a text's words: of a long one a window, and fewer of them the longer it is."""
    count = len(ids)
    if count < 2:
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
    """The table of vectors and its optimiser: Adam, lazily, over the rows that a step touches."""

    def __init__(self, lexicon: Lexicon, size: int, recipe: Recipe) -> None:
        generator = torch.Generator().manual_seed(recipe.seed)
        self.lexicon = lexicon
        self.table = torch.empty(size, recipe.dimension).normal_(std=0.05, generator=generator)
        self._first = torch.zeros_like(self.table)
        self._second = torch.zeros_like(self.table)
        self._generator = np.random.default_rng(recipe.seed)
        self._touched: tuple[torch.Tensor, torch.Tensor] | None = None
        self._steps = 0

    def vectors(self, bags: Sequence[NDArray[np.int64]], *, learning: bool = True) -> torch.Tensor:
        """Unit vectors [n, d] of the texts; once a step while learning, since it notes which rows were touched."""
        picked = [thinned(ids, self._generator) for ids in bags] if learning else list(bags)
        lengths = np.array([len(ids) for ids in picked])
        flat = np.concatenate(picked)
        unique, which = np.unique(flat, return_inverse=True)
        parts = self.lexicon.parts(unique)
        if learning:
            parts = [p[self._generator.random(len(p)) >= _DROP] if len(p) > 3 else p for p in parts]
        sizes = np.array([len(p) for p in parts])
        rows, places = np.unique(np.concatenate(parts), return_inverse=True)
        touched = torch.from_numpy(rows)
        table = self.table[touched]
        if learning:
            table.requires_grad_()
            self._touched = touched, table
        starts = torch.from_numpy(np.concatenate([[0], np.cumsum(sizes)[:-1]]))
        each = functional.embedding_bag(torch.from_numpy(places), table, starts, mode="sum")
        weights = np.concatenate([position_weights(length) for length in lengths])
        begins = torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)[:-1]]))
        total = functional.embedding_bag(
            torch.from_numpy(which), each, begins, mode="sum", per_sample_weights=torch.from_numpy(weights)
        )
        return functional.normalize(total, dim=1)

    def step(self, loss: torch.Tensor, rate: float) -> None:
        """One step of descent at a learning rate."""
        assert self._touched is not None
        rows, leaf = self._touched
        leaf.grad = None
        loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
        assert leaf.grad is not None
        self._steps += 1
        gradient = leaf.grad
        first = self._first[rows].mul_(_BETAS[0]).add_(gradient, alpha=1 - _BETAS[0])
        second = self._second[rows].mul_(_BETAS[1]).addcmul_(gradient, gradient, value=1 - _BETAS[1])
        self._first[rows], self._second[rows] = first, second
        down, across = 1 - _BETAS[0] ** self._steps, 1 - _BETAS[1] ** self._steps
        self.table[rows] = leaf.detach() - rate * (first / down) / ((second / across).sqrt_().add_(1e-8))


def _contrast(left: torch.Tensor, right: torch.Tensor, keys: Sequence[int]) -> torch.Tensor:
    """In-batch contrastive loss both ways; rows about the same concept are not taken for each other's negatives."""
    scores = (left.bfloat16() @ right.bfloat16().T).float() / _TEMPERATURE
    same = torch.tensor(keys)
    clash = (same[:, None] == same[None, :]) & ~torch.eye(len(keys), dtype=torch.bool)
    scores = scores.masked_fill(clash, -1e4)
    target = torch.arange(len(keys))
    return (functional.cross_entropy(scores, target) + functional.cross_entropy(scores.T, target)) / 2


class Labels:
    """Labels of all concepts as bags, and the teacher's vectors of their English ones."""

    def __init__(self, concepts: Sequence[LabelledConcept], lexicon: Lexicon, teacher: NDArray[np.float32]) -> None:
        self.concepts = concepts
        self.bags = lexicon.bags([text for concept in concepts for _, text in concept.labels])
        self.starts = np.cumsum([0, *(len(concept.labels) for concept in concepts)])
        self.goal = torch.from_numpy(teacher)
        self.known = torch.tensor([bool(concept.english) for concept in concepts])
        self.usable = [n for n, concept in enumerate(concepts) if len(concept.labels) > 1]
        # A concept with labels in 23 languages is met more often than one with two, but not ten times as often.
        self.weights = [len(concepts[n].labels) ** 0.5 for n in self.usable]

    def two(self, concept: int, picker: random.Random) -> list[NDArray[np.int64]]:
        """Two different labels of a concept."""
        return [self.bags[n] for n in picker.sample(range(self.starts[concept], self.starts[concept + 1]), 2)]

    def taught(self, rows: torch.Tensor, concepts: Sequence[int]) -> torch.Tensor:
        """Mean distance of rows from the teacher's vectors of their concepts."""
        near = self.known[list(concepts)]
        distance = 1 - (rows[near] * self.goal[list(concepts)][near]).sum(1)
        return distance.mean()


def align(student: Student, labels: Labels, recipe: Recipe) -> None:
    """Stage one: two labels of a concept lie together, near the teacher's vector of its English label."""
    picker = random.Random(recipe.seed)
    for step in tqdm(range(recipe.align_steps), desc="align", disable=None):
        chosen = picker.choices(labels.usable, labels.weights, k=recipe.batch)
        left, right = zip(*(labels.two(n, picker) for n in chosen), strict=True)
        rows = student.vectors([*left, *right])
        a, b = rows[: recipe.batch], rows[recipe.batch :]
        loss = _contrast(a, b, chosen)
        loss = loss + recipe.teacher_weight * (labels.taught(a, chosen) + labels.taught(b, chosen))
        student.step(loss, _rate(step, recipe.align_steps, recipe.rate))


@dataclass
class Head:
    """One unit vector a CPV code, and how sharply their cosines are read as a probability."""

    anchors: torch.Tensor
    sharpness: torch.Tensor  # logarithm

    def logits(self, rows: torch.Tensor) -> torch.Tensor:
        """[n, codes] in natural logarithms."""
        near = rows.bfloat16() @ functional.normalize(self.anchors, dim=1).bfloat16().T
        return near.float() * self.sharpness.exp()


def tune(student: Student, labels: Labels, corpus: Corpus, recipe: Recipe) -> Head:
    """Stage two: what contracts say lies near their codes among all codes; labels stay where they are."""
    codes = [n for n, concept in enumerate(labels.concepts) if concept.key.startswith("cpv:")]
    place = {labels.concepts[n].key: number for number, n in enumerate(codes)}
    assert codes == list(range(len(codes)))
    head = Head(_centres(student, labels, len(codes)), torch.tensor(_FIRST_SHARPNESS).log().requires_grad_())
    slow = {"params": [head.anchors.requires_grad_()], "lr": recipe.anchor_rate}
    optimiser = torch.optim.Adam([slow, {"params": [head.sharpness], "lr": 0.002}])
    grouped = corpus.by_text()
    texts = student.lexicon.bags([text for text, _ in grouped])
    weights = [weight for _, (_, weight) in grouped]
    about = [[place[key] for key in keys] for _, (keys, _) in grouped]
    levels = _levels(list(place))
    picker, batch = random.Random(recipe.seed + 1), recipe.batch // 4
    for step in tqdm(range(recipe.tune_steps), desc="tune", disable=None):
        rows = picker.choices(range(len(texts)), weights, k=batch)
        named = [picker.randrange(len(codes)) for _ in range(batch)]
        spoken = [picker.randrange(labels.starts[n], labels.starts[n + 1]) for n in named]
        kept = picker.choices(labels.usable, labels.weights, k=batch)
        left, right = zip(*(labels.two(n, picker) for n in kept), strict=True)
        bags = [*(texts[r] for r in rows), *(labels.bags[n] for n in spoken), *left, *right]
        text, label, a, b = torch.split(student.vectors(bags), batch)
        target = torch.tensor([picker.choice(about[r]) for r in rows])
        loss = _coded(head.logits(text), target, levels)
        loss = loss + functional.cross_entropy(head.logits(label), torch.tensor(named))
        loss = loss + _contrast(a, b, kept) + 0.5 * (labels.taught(a, kept) + labels.taught(b, kept))
        loss = loss + 0.5 * labels.taught(label, named)
        optimiser.zero_grad()
        student.step(loss, _rate(step, recipe.tune_steps, recipe.tune_rate))
        optimiser.param_groups[0]["lr"] = _rate(step, recipe.tune_steps, recipe.anchor_rate)
        optimiser.step()
    return head


def _centres(student: Student, labels: Labels, count: int) -> torch.Tensor:
    """The middle of the labels of each of the first `count` concepts [count, d]."""
    middle = torch.zeros(count, student.table.shape[1])
    for start in range(0, count, 500):
        part = range(start, min(start + 500, count))
        bags = [labels.bags[n] for concept in part for n in range(labels.starts[concept], labels.starts[concept + 1])]
        owners = [concept for concept in part for _ in range(labels.starts[concept], labels.starts[concept + 1])]
        middle.index_add_(0, torch.tensor(owners), student.vectors(bags, learning=False))
    return functional.normalize(middle, dim=1)


def _levels(keys: Sequence[str]) -> list[tuple[torch.Tensor, int]]:
    """For each level of CPV the number of each code's ancestor there, and how many there are."""
    out = []
    for digits in _LEVELS:
        stems = [key[4 : 4 + digits] for key in keys]
        place = {stem: number for number, stem in enumerate(sorted(set(stems)))}
        out.append((torch.tensor([place[stem] for stem in stems]), len(place)))
    return out


def _coded(logits: torch.Tensor, target: torch.Tensor, levels: Sequence[tuple[torch.Tensor, int]]) -> torch.Tensor:
    """Cross-entropy of the codes, and of what lies above them."""
    logs = functional.log_softmax(logits, dim=1)
    loss = -logs.gather(1, target[:, None]).mean()
    shares = logs.exp()
    for above, count in levels:
        wider = torch.zeros(len(target), count).index_add(1, above, shares)
        loss = loss - _LEVEL_WEIGHT * torch.log(wider.gather(1, above[target][:, None]) + 1e-9).mean()
    return loss


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
