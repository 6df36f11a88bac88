"""Stage 2 piece by piece: what is built, how it is scored and lost, blended and decided."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from huohou.data.pairs import PairSet, Passage, Query, Span
from huohou.errors import DataError, ModelError, UsageError
from huohou.models.encoder import load_encoder
from huohou.recipes.aligning import ranked
from huohou.recipes.aligning.blend import interpolate
from huohou.recipes.aligning.construct import Construction, trainable
from huohou.recipes.aligning.construct import construct as _construct
from huohou.recipes.aligning.corpus import Corpus
from huohou.recipes.aligning.encoding import encode, tokens_of
from huohou.recipes.aligning.objective import Mode, Objective
from huohou.recipes.aligning.release import decide
from huohou.recipes.aligning.similarity import Vectors, coverage, similarity
from huohou.recipes.aligning.unseen import refuse_seen
from tiny_encoder import tiny_encoder_folder


def pairs(queries: list[Query], count: int = 12, part: str = "train") -> PairSet:
    passages = tuple(Passage(f"p{i}", f"passage number {i}", f"d{i}", part) for i in range(count))
    return PairSet("made up", "pairs", passages, tuple(queries))


def construct(made: PairSet, negatives: int, seed: int, **more: Any) -> Construction:
    return _construct(made, negatives, seed, drawable=trainable(made), **more)


# What is built


def test_the_ground_truth_comes_first_and_given_negatives_before_drawn_ones() -> None:
    asked = Query("q", "?", ("p0", "p1"), ("p5", "p1"), gains=(1.0, 2.0))
    built = construct(pairs([asked]), 4, 0, mined={"q": ["p0", "p7"]})
    (sample,) = built.samples
    assert sample.truth == "p1", "the positive with the highest gain"
    assert sample.candidates[1:3] == ("p5", "p7"), "p0 and p1 answer the question"
    assert sample.sources == ("given", "mined", "random", "random")
    assert len(set(sample.candidates)) == 5 and not {"p0"} & set(sample.candidates)
    assert built.counted() == {"given": 1, "mined": 1, "random": 2}


def test_the_draw_depends_on_seed_and_question_alone() -> None:
    first = construct(pairs([Query("a", "a", ("p0",)), Query("b", "b", ("p1",))]), 3, 7)
    alone = construct(pairs([Query("b", "b", ("p1",))]), 3, 7)
    assert first.samples[1] == alone.samples[0]
    assert construct(pairs([Query("b", "b", ("p1",))]), 3, 8) != alone


def test_only_passages_of_the_training_side_are_drawn() -> None:
    mixed = PairSet(
        "made up",
        "pairs",
        (
            *pairs([], 4).passages,
            *(Passage(f"e{i}", f"other {i}", f"e{i}", "eval") for i in range(9)),
        ),
        (Query("q", "?", ("p0",)),),
    )
    (sample,) = construct(mixed, 3, 0).samples
    assert set(sample.candidates) == {"p0", "p1", "p2", "p3"}


def test_fewer_candidates_than_asked_and_none_at_all() -> None:
    built = construct(pairs([Query("a", "a", ("p0",)), Query("b", "b", ("p0", "p1"))], 4), 5, 0)
    assert built.negatives == 2 and built.asked == 5
    assert {len(sample.candidates) for sample in built.samples} == {3}
    dropped = construct(pairs([Query("a", "a", ("p0",)), Query("b", "b", ("p0", "p1"))], 2), 5, 0)
    assert dropped.dropped == 1 and len(dropped.samples) == 1
    with pytest.raises(DataError, match="no passage can stand beside"):
        construct(pairs([Query("a", "a", ("p0",))], 1), 5, 0)


def test_a_passage_with_the_words_of_the_answer_is_no_negative() -> None:
    twins = tuple(Passage(f"p{i}", "the same words", f"d{i}", "train") for i in range(5))
    with pytest.raises(DataError):
        construct(PairSet("made up", "pairs", twins, (Query("q", "?", ("p0",)),)), 2, 0)


# Hard cases


def test_a_constant_scorer_scores_chance_and_all_its_questions_are_hard() -> None:
    scores = np.full((30, 6), 0.5, np.float32)
    assert ranked.hard(scores, 3).all()
    rows = ranked.table(scores)
    assert [row["value"] for row in rows] == pytest.approx([1 / 6, 3 / 6, 5 / 6])
    assert [row["chance"] for row in rows] == pytest.approx([1 / 6, 3 / 6, 5 / 6])
    assert ranked.in_order(scores) == pytest.approx(0.5)


def test_document_001_is_below_chance() -> None:
    better = [0] * 5 + [2] * 10 + [4] * 23 + [5] * 12
    scores = np.zeros((50, 6), np.float32)
    for i, count in enumerate(better):
        scores[i, 1 : 1 + count] = 1
        scores[i, 1 + count :] = -1
    assert ranked.hard(scores, 3).sum() == 35
    row = ranked.table(scores)[1]
    assert (row["value"], row["verdict"]) == (0.3, "below")
    assert row["p_below"] == pytest.approx(0.0033, abs=1e-4)


def test_nan_is_no_score() -> None:
    with pytest.raises(DataError, match="1 of 2"):
        ranked.hard(np.array([[0.1, np.nan], [0.2, 0.1]], np.float32), 1)


# Losses


def slow(scores: list[list[float]], mode: Mode, margin: float, scale: float) -> float:
    """The definitions, word by word."""
    losses = []
    for row in scores:
        if mode == "listwise":
            losses.append(-np.log(np.exp(scale * row[0]) / sum(np.exp(scale * s) for s in row)))
            continue
        order = list(itertools.combinations(range(len(row)), 2))
        chosen = [(i, j) for i, j in order if mode == "all-pairs" or i == 0]
        losses.append(np.mean([max(0.0, margin - (row[i] - row[j])) for i, j in chosen]))
    return float(np.mean(losses))


@pytest.mark.parametrize("mode", ["gt", "all-pairs", "listwise"])
@given(
    st.integers(2, 6).flatmap(
        lambda k: st.lists(
            st.lists(st.floats(-1, 1, width=32), min_size=k, max_size=k), min_size=1, max_size=5
        )
    )
)
def test_losses_are_their_definitions(mode: Mode, scores: list[list[float]]) -> None:
    found = Objective(mode, 0.1, 3.0)(torch.tensor(scores, dtype=torch.float64))
    assert float(found) == pytest.approx(slow(scores, mode, 0.1, 3.0), abs=1e-6)


def test_perfect_ground_truth_and_tied_negatives() -> None:
    """All pairs cost margin * 10/15 for an order that nobody knows; gt costs nothing."""
    scores = torch.tensor([[0.9, 0.1, 0.1, 0.1, 0.1, 0.1]])
    assert float(Objective("all-pairs", 0.1)(scores)) == pytest.approx(0.0667, abs=5e-5)
    assert float(Objective("gt", 0.1)(scores)) == 0.0
    assert float(Objective("gt", 0.1)(torch.zeros(4, 6))) == pytest.approx(0.1)


# Entities


def slow_similarity(q: Vectors, d: Vectors, score: str) -> tuple[list[list[float]], float]:
    rows, used = [], 0
    for i in range(len(q.sentence)):
        row = []
        for j in range(len(d.sentence)):
            mine, theirs = q.entities[q.owner == i], d.entities[d.owner == j]
            if len(mine) and len(theirs):
                used += 1
                between = [[float(a @ b) for b in theirs] for a in mine]
                row.append(
                    float(np.mean(between if score == "mean_pairs" else [max(r) for r in between]))
                )
            else:
                row.append(float(q.sentence[i] @ d.sentence[j]))
        rows.append(row)
    return rows, used / (len(q.sentence) * len(d.sentence))


def some_vectors(owners: list[int], texts: int, seed: int) -> Vectors:
    chance = torch.Generator().manual_seed(seed)
    unit = torch.nn.functional.normalize
    sentence = unit(torch.randn(texts, 4, generator=chance, dtype=torch.float64), dim=1)
    entities = unit(torch.randn(len(owners), 4, generator=chance, dtype=torch.float64), dim=1)
    return Vectors(sentence, entities, torch.tensor(owners, dtype=torch.long))


@pytest.mark.parametrize("score", ["mean_pairs", "max_sim"])
@given(st.lists(st.integers(0, 3), max_size=7), st.lists(st.integers(0, 4), max_size=9))
def test_entity_scores_are_their_definitions(
    score: str, ours: list[int], theirs: list[int]
) -> None:
    q, d = some_vectors(ours, 4, 1), some_vectors(theirs, 5, 2)
    found, used = similarity(q, d, score)
    expected, covered = slow_similarity(q, d, score)
    assert found.tolist() == pytest.approx(np.array(expected))
    assert coverage(used) == pytest.approx(covered)


def test_taking_texts_takes_their_entities() -> None:
    texts = some_vectors([0, 2, 2, 1], 3, 3)
    few = texts.take(torch.tensor([2, 0]))
    assert few.owner.tolist() == [1, 0, 0]
    assert torch.equal(few.entities, texts.entities[[0, 1, 2]])
    assert torch.equal(few.sentence, texts.sentence[[2, 0]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder_folder(tmp_path_factory.mktemp("encoder"))


def test_entities_are_pooled_from_their_own_tokens(folder: Path) -> None:
    """An entity that spans the whole text, without the special tokens, is not the text."""
    encoder = load_encoder(str(folder))
    texts = ["sort a list", "open a file and read its lines", "json"]
    spans = [[Span(0, 4), Span(7, 11)], [Span(7, 11)], []]
    rows = tokens_of(encoder, texts, spans, "document", by_entity=True)
    found = encode(encoder, rows, max_tokens=20)
    assert sorted(found.owner.tolist()) == [0, 0, 1]
    assert torch.allclose(found.sentence, torch.from_numpy(encoder.encode(texts)), atol=1e-6)
    expected = encoder.encode(texts, spans=spans)
    by_text = {o: found.entities[found.owner == o] for o in (0, 1)}
    assert torch.allclose(by_text[0], torch.from_numpy(expected[:2]), atol=1e-6)
    assert torch.allclose(by_text[1], torch.from_numpy(expected[2:]), atol=1e-6)


def test_candidates_are_scored_as_the_whole_corpus_is(folder: Path) -> None:
    encoder = load_encoder(str(folder))
    made = pairs([Query(f"q{i}", f"passage {i}", (f"p{i}",)) for i in range(9)])
    corpus = Corpus.of(encoder, made, "sentence", 64)
    built = construct(made, 4, 0)
    scores, covered = corpus.candidates(encoder, built.samples)
    whole = (
        encoder.encode([q.text for q in made.queries])
        @ encoder.encode([p.text for p in made.passages]).T
    )
    for row, sample in enumerate(built.samples):
        columns = [made.index[one] for one in sample.candidates]
        assert scores[row] == pytest.approx(whole[row, columns], abs=1e-5)
    assert covered == 0.0
    ranking, _ = corpus.against_all(encoder)
    assert ranking.better.tolist() == [int((w > w[i] + 1e-6).sum()) for i, w in enumerate(whole)]


def test_vectors_that_are_nan_are_refused(folder: Path) -> None:
    encoder = load_encoder(str(folder))
    with torch.no_grad():
        next(encoder.parameters()).fill_(torch.nan)
    made = pairs([Query("q", "sort", ("p0",))])
    with pytest.raises(ModelError, match="NaN"):
        Corpus.of(encoder, made, "sentence", 64).against_all(encoder)


# Blends


def test_the_ends_of_a_blend_are_the_two_models(tmp_path: Path) -> None:
    one = load_encoder(str(tiny_encoder_folder(tmp_path / "one", seed=1))).state_dict()
    two = load_encoder(str(tiny_encoder_folder(tmp_path / "two", seed=2))).state_dict()
    for part, same in ((0.0, one), (1.0, two)):
        found = interpolate(one, two, part)
        assert all(torch.equal(found[name], same[name]) for name in same)
    half = interpolate(one, two, 0.5)
    for name, value in half.items():
        if value.is_floating_point():
            assert torch.allclose(value, (one[name] + two[name]) / 2, atol=1e-6)
            assert value.dtype == one[name].dtype


def test_what_cannot_be_blended_is_said() -> None:
    one, float_ = {"a": torch.zeros(2)}, torch.zeros(2)
    with pytest.raises(ModelError, match="different makes"):
        interpolate(one, {"b": float_}, 0.5)
    with pytest.raises(ModelError, match="shape"):
        interpolate(one, {"a": torch.zeros(3)}, 0.5)
    with pytest.raises(ModelError, match="whole numbers"):
        interpolate({"a": torch.tensor([1])}, {"a": torch.tensor([2])}, 0.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        interpolate(one, one, 1.5)


# The decision


def test_stage_2_must_rise_by_more_than_its_interval() -> None:
    chance = np.random.default_rng(0)
    before = chance.uniform(0.2, 0.6, 200)
    better = decide("ndcg@10", before.tolist(), (before + chance.normal(0.1, 0.05, 200)).tolist())
    assert (better.chosen, better.reason) == ("stage2", "better")
    assert better.low is not None and better.low > 0
    noise = decide("ndcg@10", before.tolist(), (before + chance.normal(0, 0.2, 200)).tolist())
    assert (noise.chosen, noise.reason) == ("stage1", "not_better")
    worse = decide("ndcg@10", before.tolist(), (before - 0.1 * chance.uniform(0, 1, 200)).tolist())
    assert (worse.chosen, worse.reason) == ("stage1", "worse")
    assert decide("ndcg@10", [], []).reason == "unseen_needed"


def test_questions_of_one_passage_are_not_independent() -> None:
    """Ten questions of each of four passages: what looks sure by question is not by passage."""
    gains = [0.2] * 30 + [-0.18] * 10
    before = [0.5] * 40
    after = [0.5 + gain for gain in gains]
    groups = [i // 10 for i in range(40)]
    assert decide("ndcg@10", before, after).chosen == "stage2"
    assert decide("ndcg@10", before, after, groups).chosen == "stage1"


def test_the_best_of_many_needs_a_wider_interval() -> None:
    chance = np.random.default_rng(3)
    before, noise = chance.uniform(0.2, 0.6, 100), chance.normal(0, 0.1, 100)
    after = before + noise - noise.mean() + 0.025 * noise.std() / 0.1  # 2.5 standard errors
    alone = decide("ndcg@10", before.tolist(), after.tolist())
    picked = decide("ndcg@10", before.tolist(), after.tolist(), among=50)
    assert picked.level == pytest.approx(0.999)
    assert alone.low is not None and picked.low is not None and picked.low < alone.low
    assert (alone.chosen, picked.chosen) == ("stage2", "stage1")


def test_questions_that_were_trained_on_decide_nothing() -> None:
    found = decide("ndcg@10", [0.1] * 50, [0.9] * 50, trained_on_eval=True)
    assert (found.chosen, found.reason, found.trained_on_eval) == (
        "stage1",
        "trained_on_eval",
        True,
    )


# What was trained on


@pytest.mark.parametrize(
    "watched",
    [
        Query("x", "Where IS it?", ("p5",)),  # the same words
        Query("x", "something else", ("p0",)),  # the same passage
    ],
)
def test_evaluating_on_what_is_trained_on_is_refused(watched: Query) -> None:
    train = pairs([Query("a", "where is it?", ("p0",))])
    clean = Query("y", "quite another", ("p6",))
    with pytest.raises(UsageError, match="1 of the 2 questions"):
        refuse_seen(train, pairs([watched, clean]), force=False)
    assert refuse_seen(train, pairs([watched, clean]), force=True) == 1
    assert refuse_seen(train, pairs([clean]), force=False) == 0
