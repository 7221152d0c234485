"""How well an encoder joins languages: labels of codes it never saw, one language against English."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search.encoder import Encoder, StaticEncoder
from search.training.corpus import LabelledConcept


def text_hits(encoder: StaticEncoder, texts: Sequence[tuple[str, str]], depth: int = 10) -> float:
    """Share of (text, code) whose code is among the `depth` nearest of all anchors."""
    assert encoder.anchors is not None
    scores = encoder.encode([text for text, _ in texts]) @ encoder.anchors.vectors.T
    own = scores[np.arange(len(texts)), [encoder.anchors.place[key] for _, key in texts]]
    return round(float(np.mean((scores > own[:, None]).sum(axis=1) < depth)), 4)


def held_out_hits(
    encoder: Encoder, codes: Sequence[LabelledConcept], held_out: Sequence[LabelledConcept], depth: int = 10
) -> dict[str, float]:
    """Language → share of held-out codes whose English label is among the `depth` nearest of all English labels."""
    english = encoder.encode([concept.english for concept in codes])
    place = {concept.key: number for number, concept in enumerate(codes)}
    out: dict[str, float] = {}
    for lang in sorted({lang for concept in held_out for lang, _ in concept.labels} - {"en"}):
        pairs = [(place[concept.key], text) for concept in held_out for found, text in concept.labels if found == lang]
        scores = encoder.encode([text for _, text in pairs]) @ english.T
        own = scores[np.arange(len(pairs)), [number for number, _ in pairs]]
        out[lang] = round(float(np.mean((scores > own[:, None]).sum(axis=1) < depth)), 4)
    return out
