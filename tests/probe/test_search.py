"""Exact search: brute force in every case, fair where scores tie, clear where vectors are broken."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huohou.errors import ModelError, UsageError
from huohou.measure.ranking import guessed
from huohou.measure.retrieval import accuracy, mrr, ndcg, recall
from huohou.probe import search
from huohou.probe.bm25 import Bm25, words
from huohou.probe.search import ranking_of, top_k


def unit(rng: np.random.Generator, rows: int, width: int) -> search.Vectors:
    found = rng.standard_normal((rows, width)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.integers(1, 90),
    st.integers(1, 3),
    st.sampled_from([1, 300, 2000, 1 << 20]),
    st.sampled_from([1, 7, 4096]),
)
def test_every_block_size_finds_what_sorting_everything_finds(
    seed: int, queries: int, passages: int, levels: int, memory: int, first: int
) -> None:
    rng = np.random.default_rng(seed)
    # whole numbers: products are exact, and many scores tie
    q = rng.integers(-levels, levels + 1, (queries, 4)).astype(np.float32)
    p = rng.integers(-levels, levels + 1, (passages, 4)).astype(np.float32)
    k = int(rng.integers(1, passages + 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "FIRST", first)
        places, scores = top_k(q, p, k, memory=memory)
    everything = q @ p.T
    expected = np.argsort(-everything, axis=1, kind="stable")[:, :k]
    assert places.tolist() == expected.tolist()
    assert scores.tolist() == np.take_along_axis(everything, expected, 1).tolist()


def test_passages_that_become_better_and_better_are_found_too() -> None:
    rising = np.linspace(0, 1, 30_000, dtype=np.float32)[:, None]
    places, scores = top_k(np.ones((3, 1), np.float32), rising, 5, memory=1 << 16)
    assert places.tolist() == [[29_999, 29_998, 29_997, 29_996, 29_995]] * 3
    assert (np.diff(scores) < 0).all()


def test_places_of_relevant_passages_agree_with_sorting_in_float64() -> None:
    rng = np.random.default_rng(1)
    q, p = unit(rng, 40, 64), unit(rng, 500, 64)
    relevant = [rng.choice(500, size=rng.integers(1, 4), replace=False).tolist() for _ in range(40)]
    found = ranking_of(q, p, relevant, memory=1 << 14)
    scores = q.astype(float) @ p.astype(float).T
    better = [
        int((scores[i] > scores[i, at]).sum()) for i, row in enumerate(relevant) for at in row
    ]
    assert found.better.tolist() == better
    assert not found.ties.any()


@pytest.mark.parametrize("noise", [0.0, 3e-8])
def test_a_collapsed_encoder_scores_chance_whatever_the_corpus_order(noise: float) -> None:
    """All vectors equal, or equal but for rounding; the right ones stand first in the corpus."""
    rng = np.random.default_rng(2)
    one = unit(rng, 1, 384)
    q, p = np.repeat(one, 30, axis=0), np.repeat(one, 997, axis=0)
    p = p + noise * rng.standard_normal(p.shape).astype(np.float32)
    found = ranking_of(q, p, [[i] for i in range(30)], memory=1 << 18)
    assert recall(found, 10) == pytest.approx(10 / 997)
    assert accuracy(found, 1) == pytest.approx(1 / 997)
    assert mrr(found, 10) == pytest.approx(guessed("mrr", 10, 997)[0])
    assert ndcg(found, 10) == pytest.approx(guessed("ndcg", 10, 997)[0])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_in_vectors_is_refused_by_name(value: float) -> None:
    q, p = np.ones((2, 3), np.float32), np.ones((5, 3), np.float32)
    p[3, 1] = value
    for call in (lambda: top_k(q, p, 1), lambda: ranking_of(q, p, [[0], [1]])):
        with pytest.raises(ModelError, match=r"1 of 5 texts hold NaN or infinity.*passage 4"):
            call()
    with pytest.raises(ModelError, match="query 4"):
        top_k(p, q, 1)


def test_what_cannot_be_searched_is_said() -> None:
    q, p = np.ones((2, 3), np.float32), np.ones((5, 3), np.float32)
    with pytest.raises(UsageError, match="6 passages were asked for, and there are 5"):
        top_k(q, p, 6)
    with pytest.raises(UsageError, match="Query 2 has no passage"):
        ranking_of(q, p, [[0], []])
    with pytest.raises(ModelError, match="two models"):
        top_k(q, np.ones((5, 4), np.float32), 1)


def test_no_queries_are_no_error() -> None:
    places, scores = top_k(np.ones((0, 3), np.float32), np.ones((5, 3), np.float32), 2)
    assert places.shape == scores.shape == (0, 2)


PASSAGES = [
    "The glob module finds all the pathnames matching a specified pattern.",
    "os.path.getsize(path): return the size, in bytes, of path.",
    "北京市朝阳区的一家银行支行",
    "上海市浦东新区的一家银行支行",
    "",
]


@pytest.mark.parametrize(
    ("query", "best"),
    [("which module finds pathnames", 0), ("getsize", 1), ("size of a path", 1), ("浦东新区", 3)],
)
def test_bm25_finds_by_words_identifiers_and_chinese(query: str, best: int) -> None:
    places, scores = Bm25(PASSAGES).top_k([query], 2)
    assert places[0, 0] == best
    assert scores[0, 0] > scores[0, 1]


def test_bm25_gives_unknown_words_chance_and_not_the_first_place() -> None:
    index = Bm25(PASSAGES)
    found = index.ranking_of(["zzz", ""], [[0], [1]])
    assert recall(found, 1) == pytest.approx(1 / 5)
    assert len(index) == 5
    assert not Bm25(["", "  "]).scores("anything").any()


def test_bm25_is_lucenes_formula() -> None:
    texts = ["a b b", "b c", "c c c d"]
    tokens = [words(text) for text in texts]
    average = np.mean([len(one) for one in tokens])
    expected = []
    for one in tokens:
        total = 0.0
        for word in ("b", "d"):
            df = sum(word in other for other in tokens)
            idf = np.log(1 + (len(texts) - df + 0.5) / (df + 0.5))
            tf = one.count(word)
            total += idf * tf / (tf + 1.5 * (1 - 0.75 + 0.75 * len(one) / average))
        expected.append(total)
    assert Bm25(texts).scores("b d") == pytest.approx(expected, rel=1e-5)


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=40))
def test_words_of_any_text_are_folded_and_not_empty(text: str) -> None:
    for word in words(text):
        assert word and not any(c.isspace() for c in word)
