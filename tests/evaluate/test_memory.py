"""Trained questions, other wordings and facts never taught are told apart, and what that says."""

import json
import math
from pathlib import Path

import pytest

from huohou.data.dataset import Message, Row
from huohou.data.facts import FactTable, read_facts
from huohou.evaluate.card import Metric, Scorecard
from huohou.evaluate.gates import read_gates
from huohou.evaluate.items import Item, context_of, judged
from huohou.evaluate.memory import NAMES, Trained, memory_metrics, more_rows
from huohou.evaluate.questions import choose, facts_of
from huohou.evaluate.score import scorecard
from huohou.evaluate.words import words
from huohou.measure.text import exact_match
from huohou.plan import Plan
from huohou.probe.answers import Answer, Likelihood
from scored_job import fact, row

BRANCHES = [
    (f"{town} branch", f"{i + 1:03d}100001{i:03d}")
    for i, town in enumerate(
        ["Aba", "Beta", "Cora", "Dill", "Edna", "Faro", "Gala", "Hume", "Iser", "Juno"]
    )
]
TRAIN = [fact(f"code of {name}?", code, name) for name, code in BRANCHES[:6]]
OTHER = [fact(f"which code has {name}?", code, name) for name, code in BRANCHES[:6]]
UNKNOWN = row("code of Nowhere?", "unknown", kind="facts", style="unknown", fact=None, expect=None)


@pytest.fixture
def table(tmp_path: Path) -> FactTable:
    lines = ["name,code", *(f"{name},{code}" for name, code in BRANCHES)]
    (tmp_path / "facts.csv").write_text("\n".join(lines), encoding="utf-8")
    return read_facts(tmp_path / "facts.csv", key="name", value="code", digits=0)


def _metrics(
    table: FactTable | None, rows: list[Row], right: float, trained: Trained
) -> dict[str, Metric]:
    items = [_item(r, i < right * len(rows), table) for i, r in enumerate(rows)]
    return {m.name: m for m in memory_metrics(items, trained, context_of(rows, table))}


def _item(one: Row, right: bool, table: FactTable | None, nats: float = 4.0) -> Item:
    said = Answer(one.answer if right else "nothing", 3, 0.1, True)
    likelihood = Likelihood(nats, 4)
    return judged([one], [said], context_of([one], table), [likelihood])[0]


def test_how_new_a_question_is() -> None:
    trained = Trained.of(TRAIN)
    assert trained.level(fact("Code of Aba branch", "x", "Aba branch")) == "trained"  # same words
    assert trained.level(OTHER[0]) == "new_wording"
    assert trained.level(fact("code of Juno branch?", "x", "Juno branch")) == "new_fact"
    assert trained.level(row("how are you?", "fine")) == "new_question"
    assert trained.level(UNKNOWN) is None


def test_an_earlier_turn_makes_it_another_question() -> None:
    one = row("and in May?", "yes")
    longer = Row((Message("user", "open in June?"), Message("assistant", "no"), *one.messages[1:]))
    assert Trained.of([longer]).level(one) == "new_question"
    assert Trained.of([longer]).level(longer) == "trained"


def test_what_is_asked_besides(table: FactTable) -> None:
    trained = Trained.of(TRAIN)
    found = more_rows(OTHER, TRAIN, trained, table, 3)
    levels = [trained.level(one) for one in found]
    assert levels == ["trained"] * 3 + ["new_fact"] * 3
    assert found == more_rows(OTHER, TRAIN, trained, table, 3)
    assert all(one.system == TRAIN[0].system for one in found)
    assert all(dict(BRANCHES)[str(one.meta["fact"])] == one.answer for one in found)
    assert len(more_rows(OTHER, TRAIN, trained, table, 99)) == 6 + 4
    assert more_rows(OTHER, TRAIN, trained, None, 3) == found[:3]
    assert more_rows([*TRAIN, *OTHER], TRAIN, trained, None, 3) == []


def test_every_fact_taught_leaves_none_to_ask(table: FactTable) -> None:
    everything = [fact(f"code of {name}?", code, name) for name, code in BRANCHES]
    trained = Trained.of(everything)
    found = more_rows(OTHER, everything, trained, table, 99)
    assert {trained.level(one) for one in found} == {"trained"}


def test_learnt_by_heart_shows_as_a_gap(table: FactTable) -> None:
    trained = Trained.of(TRAIN)
    items = [_item(one, True, table, 0.01) for one in TRAIN]
    items += [_item(one, i == 0, table, 8.0) for i, one in enumerate(OTHER)]
    rows = [item.row for item in items]
    found = {m.name: m for m in memory_metrics(items, trained, context_of(rows, table))}
    assert found["memory.trained"].value == 1 and found["memory.new_wording"].value == 1 / 6
    gap = found["memory.gap"]
    assert gap.value == pytest.approx(5 / 6) and gap.groups == 6
    assert gap.low is not None and gap.low > 0
    assert found["memory.trained"].chance == pytest.approx(1 / 10)
    assert found["memory.trained_perplexity"].value == pytest.approx(math.exp(0.01 / 4))
    assert found["memory.new_perplexity"].value == pytest.approx(math.exp(2))


def test_rows_without_facts_are_held_letter_by_letter() -> None:
    learnt = [row(f"question {i}", f"Answer {i}.") for i in range(4)]
    fresh = [row(f"another {i}", f"Reply {i}.") for i in range(4)]
    found = _metrics(None, [*learnt, *fresh], 0.5, Trained.of(learnt))
    assert found["memory.trained"].value == 1 and found["memory.new_question"].value == 0
    assert found["memory.trained"].chance is None
    assert not exact_match("answer 0.", learnt[0].answer)


def test_in_words_what_is_memory_is_said_to_be(table: FactTable) -> None:
    trained = Trained.of(TRAIN)
    new = [fact(f"code of {name}?", code, name) for name, code in BRANCHES[6:]]
    items = [_item(one, True, table) for one in TRAIN]
    items += [_item(one, False, table) for one in (*OTHER, *new)]
    metrics = memory_metrics(items, trained, context_of([i.row for i in items], table))
    card = Scorecard({}, {"on": "test"}, None, {"max_new_tokens": 9}, tuple(metrics))
    said = "\n".join(words(card, ()))
    assert "100% of trained questions right, 0% of others" in said
    assert "it has 0% right (4 asked)" in said


def test_a_pleasing_bleu_is_set_against_what_is_right() -> None:
    metrics = (
        Metric("facts.accuracy", "", 0.4, 0.3, 0.5, 50),
        Metric("llamafactory.bleu4", "", 92.3, 90.0, 94.0, 50, unit="points"),
    )
    card = Scorecard({}, {"on": "test"}, None, {"max_new_tokens": 9}, metrics)
    assert "BLEU-4 of these answers is 92.3, yet 40% are right" in "\n".join(words(card, ()))


def test_a_job_asks_besides_and_keeps_the_answers(job: Path, tmp_path: Path) -> None:
    plan = Plan.load(job / "plan.json")
    lines = [json.dumps(row(f"another {i}?", "402").as_dict()) for i in range(3)]
    (tmp_path / "fresh.jsonl").write_text("\n".join(lines), encoding="utf-8")
    questions = choose(plan, str(tmp_path / "fresh.jsonl"))
    seen: list[tuple[str, int, int]] = []
    card = scorecard(
        job, questions, facts_of(plan), base=False, memory=4, progress=lambda *at: seen.append(at)
    )
    trained = card.metric("memory.trained")
    assert trained is not None and trained.n == 4 and trained.value == 1  # it learnt them by heart
    gap = card.metric("memory.gap")
    assert gap is not None and gap.value == 1
    kept = (job / "scorecard-fresh.memory.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(kept) == 4 and all("tuned" in json.loads(line) for line in kept)
    assert seen == [("tuned", 3, 3), ("memory", 4, 4)]
    again = scorecard(job, questions, facts_of(plan), base=False, memory=0)
    assert again.metric("memory.trained") is None
    assert (job / "scorecard-fresh.1.memory.jsonl").exists()
    assert not (job / "scorecard-fresh.memory.jsonl").exists()


def test_training_rows_that_changed_say_nothing_of_memory(job: Path) -> None:
    plan = Plan.load(job / "plan.json")
    assert plan.train is not None
    path = Path(plan.train.path)
    before = path.read_bytes()
    try:
        path.write_bytes(before.split(b"\n", 1)[1])
        card = scorecard(job, choose(plan), facts_of(plan), base=False)
    finally:
        path.write_bytes(before)
    assert not [m for m in card.metrics if m.name.startswith("memory.")]


def test_gates_know_memory(tmp_path: Path) -> None:
    (tmp_path / "gates.yaml").write_text("gates: [{metric: memory.gap, max: 0.1}]\n")
    assert read_gates(tmp_path / "gates.yaml")[0].metric in NAMES
