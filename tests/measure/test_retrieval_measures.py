"""Measures of a ranking: trec_eval's where nothing ties, the mean over all orders where it does."""

from itertools import permutations
from math import comb, log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huohou.measure.candidates import among_few, top_table
from huohou.measure.ranking import guessed
from huohou.measure.retrieval import Ranking, accuracy, measures, mrr, ndcg, place, recall

Scores = list[int]


@st.composite
def questions(draw: st.DrawFn, most: int = 6) -> tuple[Scores, dict[int, float]]:
    """Scores of a few candidates, many of them equal, and the gains of the relevant ones."""
    scores = draw(st.lists(st.integers(0, 3), min_size=1, max_size=most))
    count = draw(st.integers(1, len(scores)))
    chosen = draw(st.permutations(range(len(scores))))[:count]
    return scores, {place: float(draw(st.integers(1, 3))) for place in chosen}


def ranking_of(scores: Scores, gains: dict[int, float]) -> Ranking:
    better, ties = place(
        np.array([scores], dtype=float), np.zeros(len(gains), dtype=np.int64), np.array([*gains])
    )
    owner = [0] * len(gains)
    return Ranking(better, ties, len(scores), owner, list(gains.values()))


def by_hand(order: list[int], gains: dict[int, float], k: int) -> list[float]:
    """recall, accuracy, mrr, ndcg of one order of the candidates."""
    ranks = [rank for rank, at in enumerate(order[:k], 1) if at in gains]
    best = sorted(gains.values(), reverse=True)[:k]
    dcg = sum(gains[order[rank - 1]] / log2(rank + 1) for rank in ranks)
    ideal = sum(gain / log2(rank + 1) for rank, gain in enumerate(best, 1))
    first = 1 / ranks[0] if ranks else 0.0
    return [len(ranks) / len(gains), float(bool(ranks)), first, dcg / ideal]


@settings(deadline=None, max_examples=150)
@given(questions(), st.integers(1, 7))
def test_ties_give_the_mean_over_all_their_orders(
    asked: tuple[Scores, dict[int, float]], k: int
) -> None:
    scores, gains = asked
    orders = {
        tuple(sorted(range(len(scores)), key=lambda i: (-scores[i], turn[i])))
        for turn in permutations(range(len(scores)))
    }
    expected = np.mean([by_hand(list(order), gains, k) for order in orders], axis=0)
    ranking = ranking_of(scores, gains)
    found = [measure(ranking, k)[0] for measure in (recall, accuracy, mrr, ndcg)]
    assert found == pytest.approx(expected.tolist(), abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 40), st.integers(1, 4), st.randoms(use_true_random=False))
def test_trec_eval_agrees_where_nothing_ties(candidates: int, relevant: int, rng: object) -> None:
    import pytrec_eval

    draw = np.random.default_rng(rng.getrandbits(32))  # type: ignore[attr-defined]
    scores = draw.permutation(candidates) / 64
    chosen = draw.permutation(candidates)[:relevant]
    gains = {int(at): float(draw.integers(1, 4)) for at in chosen}
    run = {"q": {f"d{i}": float(score) for i, score in enumerate(scores)}}
    judged = {"q": {f"d{i}": int(gain) for i, gain in gains.items()}}
    names = {"ndcg_cut.5,10", "recall.5,10", "recip_rank", "success.1,5"}
    theirs = pytrec_eval.RelevanceEvaluator(judged, names).evaluate(run)["q"]
    ranking = ranking_of(scores.tolist(), gains)
    for k in (5, 10):
        assert ndcg(ranking, k)[0] == pytest.approx(theirs[f"ndcg_cut_{k}"], abs=1e-9)
        assert recall(ranking, k)[0] == pytest.approx(theirs[f"recall_{k}"], abs=1e-9)
    assert mrr(ranking, candidates)[0] == pytest.approx(theirs["recip_rank"], abs=1e-9)
    assert accuracy(ranking, 1)[0] == theirs["success_1"]
    assert accuracy(ranking, 5)[0] == theirs["success_5"]


@pytest.mark.parametrize("value", [0.0, 1.0, -3.5, 0.1])
def test_a_constant_scorer_scores_chance_exactly(value: float) -> None:
    candidates, queries = 37, 11
    scores = np.full((queries, candidates), value, dtype=np.float32)
    better, ties = place(scores, np.arange(queries), np.arange(queries))
    ranking = Ranking(better, ties, candidates)
    for k in (1, 3, 10, 37, 50):
        assert recall(ranking, k) == pytest.approx(min(1, k / candidates), abs=1e-15)
        for name, measure in (("accuracy", accuracy), ("mrr", mrr), ("ndcg", ndcg)):
            assert measure(ranking, k) == pytest.approx(guessed(name, k, candidates)[0], abs=1e-12)
    chance = measures(ranking.guessed())
    assert {name: row.tolist() for name, row in measures(ranking).items()} == {
        name: row.tolist() for name, row in chance.items()
    }


def test_a_constant_scorer_is_told_as_chance_in_the_table() -> None:
    rows = top_table(Ranking([0] * 50, [5] * 50, 6), [1, 3, 5])
    assert [row.value for row in rows] == pytest.approx([row.chance for row in rows])
    assert [row.verdict for row in rows] == ["at"] * 3
    assert all(min(row.p_below, row.p_above) > 0.4 for row in rows)


def test_queries_with_other_numbers_of_candidates_have_their_own_chance() -> None:
    row = top_table(Ranking([0, 0, 0], [0, 0, 0], [2, 4, 1]), [1])[0]
    assert row.chance == pytest.approx((1 / 2 + 1 / 4 + 1) / 3)
    assert row.p_above == pytest.approx(1 / 8)
    assert row.p_below == 1.0


@settings(deadline=None, max_examples=40)
@given(questions(7), st.integers(1, 4), st.integers(0, 4))
def test_among_few_is_the_mean_over_all_draws(
    asked: tuple[Scores, dict[int, float]], k: int, negatives: int
) -> None:
    from itertools import combinations

    scores, gains = asked
    others = [at for at in range(len(scores)) if at not in gains]
    drawn = list(combinations(others, min(negatives, len(others))))
    assert len(drawn) == comb(len(others), min(negatives, len(others)))
    values = []
    for right in gains:
        for wrong in drawn:
            better = sum(scores[at] > scores[right] for at in wrong)
            ties = sum(scores[at] == scores[right] for at in wrong)
            values.append(min(1.0, max(0.0, (k - better) / (ties + 1))))
    found = among_few(ranking_of(scores, gains), k, negatives)
    assert found[0] == pytest.approx(np.mean(values), abs=1e-9)


def test_taking_queries_keeps_each_whole() -> None:
    ranking = Ranking([0, 3, 1, 2], [0, 0, 1, 0], [9, 8, 7], [0, 0, 1, 2], [1.0, 2.0, 1.0, 1.0])
    part = ranking.take([2, 0])
    assert ndcg(part, 10).tolist() == ndcg(ranking, 10)[[2, 0]].tolist()
    assert (part.candidates.tolist(), part.owner.tolist()) == ([7, 9], [0, 1, 1])
    assert len(ranking.take([])) == 0


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Ranking([0, 0], [0, 0], 5, [0, 2]), "query 1 has no relevant"),
        (lambda: Ranking([5], [0], 5), "query 0: 5 better"),
        (lambda: Ranking([0], [5], 5), "5 equal of 5"),
        (lambda: Ranking([0], [0], 5, gains=[float("nan")]), "gain nan"),
        (lambda: Ranking([0, 0], [0, 0], 5, [1, 0]), "query by query"),
        (lambda: Ranking([0.5], [0], 5), "whole numbers"),
        (lambda: Ranking([0, 1], [0], 5), "one length"),
        (lambda: recall(Ranking([0], [0], 5), 0), "first 0"),
        (lambda: place(np.array([[np.nan]]), np.array([0]), np.array([0])), "query 0 is NaN"),
    ],
)
def test_what_is_no_ranking_is_refused(make: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make()  # type: ignore[operator]
