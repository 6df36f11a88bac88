"""Searches, what is seen of them, and the scorecard that is made of it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from huohou.data.pairs import PairSet, Passage, Query
from huohou.errors import CannotJudgeError, DataError, ModelError, UsageError
from huohou.evaluate.card import Scorecard
from huohou.evaluate.gates import Gate
from huohou.evaluate.retrieval import numbers
from huohou.evaluate.retrieval.questions import choose, seen_in_training
from huohou.evaluate.retrieval.score import scorecard
from huohou.evaluate.retrieval.scorer import changes, finding, need_same, scorer_of
from huohou.evaluate.retrieval.searches import Block, Entities, Texts, Words
from huohou.evaluate.retrieval.seen import Task, look
from huohou.measure.retrieval import measures
from huohou.models.encoder import Head, load_encoder
from huohou.probe.search import ranking_of
from search_job import pairs, pairs_folder, search_job, search_plan
from tiny_encoder import tiny_encoder_folder


class Given:
    """A search whose scores are given."""

    name, fingerprint, scorer = "given", "-", None

    def __init__(self, scores: np.ndarray) -> None:
        self.scores = scores

    def blocks(self):  # type: ignore[no-untyped-def]
        half = len(self.scores) // 2
        for begin, end in ((0, half), (half, len(self.scores))):
            yield Block(begin, self.scores[begin:end], np.zeros(end - begin))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder_folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    """A folder with pairs/, 1-embed/ and 2-align/, whose models are other random ones."""
    place = tmp_path_factory.mktemp("searches")
    data = pairs_folder(place / "pairs")
    other = tiny_encoder_folder(place / "other", seed=1)
    first = search_job(place / "1-embed", search_plan(data, model), other)
    third = tiny_encoder_folder(place / "third", seed=2)
    search_job(place / "2-align", search_plan(data, first / "model", "align"), third)
    return place


def test_a_constant_scorer_scores_chance() -> None:
    task = Task.of(pairs())
    seen = look(Given(np.zeros((60, 60))), task)
    found = numbers.values_of(seen.ranking)
    assert found["recall@1"].mean() == pytest.approx(1 / 60)
    assert found["recall@10"].mean() == pytest.approx(1 / 6)
    top = {m.name: m for m in numbers.metrics({"retrieval": seen}, task)}
    for k in (1, 3, 5):
        metric = top[f"candidates.top@{k}"]
        assert metric.value == pytest.approx(metric.chance) == pytest.approx(k / 6)
    assert numbers.below_chance(seen, task) is None


def test_the_wrong_sign_is_below_chance_and_the_right_one_perfect() -> None:
    task, right = Task.of(pairs()), np.eye(60)
    assert numbers.values_of(look(Given(right), task).ranking)["ndcg@10"].mean() == 1.0
    wrong = numbers.below_chance(look(Given(-right), task), task)
    assert wrong is not None and wrong.value == 0.0 and wrong.p_below < 1e-4


def test_the_candidates_are_the_same_for_every_model_and_never_answer() -> None:
    task = Task.of(pairs())
    assert (task.candidates == Task.of(pairs()).candidates).all()
    assert task.candidates.shape == (60, 6)
    for row, relevant in zip(task.candidates.tolist(), task.relevant, strict=True):
        assert row[0] == relevant[0] and len(set(row)) == 6
    assert (Task.of(pairs(), seed=1).candidates != task.candidates).any()


def test_a_passage_with_the_words_of_the_answer_is_no_negative() -> None:
    same = [Passage(f"p{i}", "the answer" if i < 4 else f"other {i}", f"d{i}") for i in range(8)]
    task = Task.of(PairSet("x", "pairs", tuple(same), (Query("q", "?", ("p0",)),)))
    assert all(i == 0 or i >= 4 for i in task.candidates[0])


def test_texts_rank_as_the_search_does(model: Path) -> None:
    encoder, made = load_encoder(str(model)), pairs()
    task = Task.of(made)
    seen = look(Texts("x", encoder, made), task)
    queries = encoder.encode([one.text for one in made.queries])
    passages = encoder.encode([one.text for one in made.passages])
    want = ranking_of(queries, passages, task.relevant)
    for name, values in measures(want).items():
        assert values == pytest.approx(measures(seen.ranking)[name])
    assert (seen.first[:, 0] == (queries @ passages.T).argmax(axis=1)).all()


@pytest.mark.parametrize("score", ["cosine", "csd", "w2", "mls"])
def test_scores_of_a_gaussian_head(model: Path, score: str) -> None:
    encoder = load_encoder(str(model), head=Head(dim=8, hidden=16))
    seen = look(Texts("x", encoder, pairs(), score), Task.of(pairs()))
    assert 0 < numbers.values_of(seen.ranking)["mrr@10"].mean() < 1


def test_entities_fall_back_to_texts_where_there_are_none(model: Path) -> None:
    encoder, task = load_encoder(str(model)), Task.of(pairs())
    by_entity = look(Entities("x", encoder, pairs(), "max_sim"), task)
    by_text = look(Texts("x", encoder, pairs()), task)
    assert (by_entity.ranking.better == by_text.ranking.better).mean() > 0.95
    assert scorer_of(encoder, "max_sim").mask == "entities"


def test_nan_in_vectors_is_named(model: Path) -> None:
    encoder = load_encoder(str(model))
    encoder.transformer.embeddings.word_embeddings.weight.data[:] = float("nan")
    with pytest.raises(ModelError, match=r"file\.open"):
        Texts("x", encoder, pairs())


def test_bm25_finds_what_shares_words() -> None:
    seen = look(Words(pairs()), Task.of(pairs()))
    assert numbers.values_of(seen.ranking)["accuracy@1"].mean() > 0.9


def test_every_part_of_a_scorer_is_told_apart(model: Path) -> None:
    encoder = load_encoder(str(model))
    one = scorer_of(encoder, "cosine")
    assert finding(one, scorer_of(load_encoder(str(model)), "cosine")) is None
    assert one == type(one).from_dict(one.as_dict())
    short = scorer_of(load_encoder(str(model), max_length=16), "cosine")
    assert changes(one, short) == {"max_length": (64, 16)}
    head = scorer_of(load_encoder(str(model), head=Head(dim=8, hidden=16)), "csd")
    assert {"dimension", "pooling", "score"} <= changes(one, head).keys()
    told = finding(one, head)
    assert told is not None and told.code == "scorer-changed" and told.severity == "error"
    encoder.parts.modes = ("cls",)
    assert changes(one, scorer_of(encoder, "cosine")).keys() == {"pooling"}
    with pytest.raises(CannotJudgeError, match=r"scorer-changed.*\n.*64.*16") as refused:
        need_same(one, short, ("base", "tuned"))
    assert refused.value.exit_code == 3
    for field in ("mask", "query_prompt", "document_prompt", "tokenizer"):
        other: dict[str, Any] = {field: "other"}
        assert changes(one, replace(one, **other)).keys() == {field}


def test_weights_are_no_part_of_a_scorer(model: Path, tmp_path: Path) -> None:
    other = load_encoder(str(tiny_encoder_folder(tmp_path / "m", seed=5)))
    mine = load_encoder(str(model))
    assert mine.fingerprint != other.fingerprint
    assert scorer_of(mine, "cosine") == scorer_of(other, "cosine")


def test_a_card_of_stage_one(place: Path) -> None:
    card = scorecard(place / "1-embed", gates=(Gate("bm25.ndcg@10", min=0.5),))
    names = {metric.name for metric in card.metrics}
    assert {"retrieval.ndcg@10", "bm25.recall@100", "candidates.top@3"} <= names
    assert not any(name.startswith("stage") for name in names)
    assert {name for name in names if "loss" not in name} <= set(numbers.NAMES)
    main = card.metric("retrieval.ndcg@10")
    assert main is not None and main.baseline is not None and main.difference is not None
    assert main.groups == card.questions["documents"] > 1
    assert card.questions["on"] == "test" and card.gates[0].passed
    assert [(c.first, c.second) for c in card.comparisons] == [
        ("retrieval", "base"),
        ("retrieval", "bm25"),
    ]
    assert card.comparisons[1].verdict == "worse"
    kept = Scorecard.load(place / "1-embed" / "scorecard.json")
    assert kept.metrics == card.metrics and kept.comparisons == card.comparisons
    rows = (place / "1-embed" / "scorecard.answers.jsonl").read_text().splitlines()
    assert len(rows) == card.questions["asked"]
    assert {"retrieval", "base", "bm25"} == json.loads(rows[0])["searches"].keys()


def test_a_card_of_both_stages(place: Path) -> None:
    card = scorecard(place / "2-align")
    found = [card.metric(f"{name}.ndcg@10") for name in ("bm25", "stage1", "stage2", "retrieval")]
    assert all(found)
    assert found[2].value == found[3].value != found[1].value  # type: ignore[union-attr]
    pairs = [(c.first, c.second) for c in card.comparisons]
    assert pairs == [
        ("retrieval", "base"),
        ("retrieval", "bm25"),
        ("stage1", "base"),
        ("stage2", "stage1"),
    ]
    again = scorecard(place / "1-embed").metric("retrieval.ndcg@10")
    assert again is not None and again.value == found[1].value  # type: ignore[union-attr]


def test_where_stage_one_was_kept_stage_two_is_what_was_trained(place: Path, model: Path) -> None:
    job = place / "2-align"
    (job / "best_model").symlink_to(job / "model", target_is_directory=True)
    kept = search_job(
        place / "3-align", search_plan(place / "pairs", place / "1-embed/model", "align"), model
    )
    (kept / "best_model").symlink_to(job / "model", target_is_directory=True)
    (kept / "release.json").write_text('{"chosen": "stage1"}', encoding="utf-8")
    card = scorecard(kept)
    assert any("stage 1" in sentence for sentence in card.words)
    two = card.metric("stage2.ndcg@10")
    assert two is not None
    assert two.value == scorecard(job).metric("stage2.ndcg@10").value  # type: ignore[union-attr]


def test_questions_that_were_trained_on_are_refused_unless_forced(place: Path) -> None:
    with pytest.raises(UsageError, match="trained-on-eval"):
        scorecard(place / "1-embed", "train")
    card = scorecard(place / "1-embed", "train", force=True)
    numbers_ = [metric for metric in card.metrics if "loss" not in metric.name]
    assert numbers_ and all(metric.mark for metric in numbers_)
    assert all(one.mark for one in card.comparisons)
    assert [found["code"] for found in card.findings if found["code"] != "below-chance"] == [
        "trained-on-eval"
    ]
    rows = (place / "1-embed" / "scorecard-train.answers.jsonl").read_text().splitlines()
    assert all(json.loads(row)["mark"] for row in rows)


def test_a_passage_that_was_trained_on_counts_as_well() -> None:
    made = pairs()
    train = replace(made, queries=made.queries[:1])
    other = replace(made.queries[0], id="new", text="quite another question")
    asked = replace(made, queries=(other, made.queries[1]))
    assert [query.id for query in seen_in_training(asked, [train])] == ["new"]


def test_a_base_that_is_scored_otherwise_is_refused(place: Path) -> None:
    flags = ["train.max_length=64", "embed.head=none"]
    plan = search_plan(place / "pairs", place / "1-embed" / "model", "embed", flags)
    head = load_encoder(plan.model, head=Head(dim=8, hidden=16))
    head.save(place / "with-head")
    job = search_job(place / "4-other", plan, place / "with-head")
    with pytest.raises(CannotJudgeError, match="scorer-changed"):
        scorecard(job)
    alone = scorecard(job, base=False)
    assert alone.metric("retrieval.ndcg@10").baseline is None  # type: ignore[union-attr]


def test_which_questions(place: Path, tmp_path: Path) -> None:
    plan = search_plan(place / "pairs", place / "other")
    asked = {on: choose(plan, on) for on in (None, "train", "eval", "test")}
    assert asked[None].on == "test" and asked[None].card == "scorecard"
    assert asked["eval"].card == "scorecard-eval"
    assert sum(len(asked[on].pairs.queries) for on in ("train", "eval", "test")) == 60
    few = choose(plan, "train", 5)
    assert len(few.pairs.queries) == 5 and few.rows == len(asked["train"].pairs.queries)
    assert len(few.pairs.passages) == 60  # the corpus stays whole
    file = tmp_path / "more.jsonl"
    file.write_text('{"question": "open a file?", "passage": "Files are opened."}\n')
    assert choose(plan, str(file)).card == "scorecard-more"
    with pytest.raises(UsageError):
        choose(plan, "train", 0)


def test_pairs_that_changed_are_refused(place: Path, tmp_path: Path, model: Path) -> None:
    data = pairs_folder(tmp_path / "pairs")
    job = search_job(tmp_path / "1-x", search_plan(data, model), model)
    corpus = data / "corpus.jsonl"
    corpus.write_text(corpus.read_text(encoding="utf-8").replace("will open", "opens"))
    with pytest.raises(DataError, match="changed"):
        scorecard(job)


def test_a_run_without_a_model_says_so(place: Path, tmp_path: Path, model: Path) -> None:
    job = search_job(tmp_path / "1-x", search_plan(place / "pairs", model), model)
    (job / "model" / "config.json").unlink()
    with pytest.raises(UsageError, match="no trained model yet"):
        scorecard(job)
