"""Metrics from answers that are written down here: pure, no model."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huohou import text
from huohou.data.facts import FactTable, read_facts
from huohou.errors import ConfigError
from huohou.evaluate.card import Metric, Scorecard, save
from huohou.evaluate.compute import compute
from huohou.evaluate.gates import Gate, check, read_gates
from huohou.evaluate.items import Item, context_of, judged
from huohou.evaluate.losses import loss_metrics
from huohou.evaluate.metrics import load
from huohou.evaluate.words import share, words
from huohou.probe.answers import Answer
from huohou.record.recorder import Recorder
from scored_job import ASKED, DAWU, MADE_UP, TABLE, XINGFA, ZHICHUN, fact, row


@pytest.fixture
def table(tmp_path: Path) -> FactTable:
    (tmp_path / "facts.csv").write_text(TABLE, encoding="utf-8")
    return read_facts(tmp_path / "facts.csv")


def _items(table: FactTable | None, *answers: str) -> list[Item]:
    said = [Answer(answer, len(answer) + 1, 0.5, answer != "talk") for answer in answers]
    return judged(ASKED, said, context_of(ASKED, table))


def _metrics(
    table: FactTable | None, *answers: str, base: tuple[str, ...] | None = None
) -> dict[str, Metric]:
    other = None if base is None else _items(table, *base)
    return {m.name: m for m in compute(_items(table, *answers), other, context_of(ASKED, table))}


def test_outcomes_of_the_facts_add_up_to_one(table: FactTable) -> None:
    found = _metrics(table, DAWU, ZHICHUN, MADE_UP, "talk", "unknown")
    known = found["facts.accuracy"].value * found["facts.accuracy"].n
    unknown = found["facts.abstention"].value * found["facts.abstention"].n
    refused = found["facts.false_abstention"].value * found["facts.false_abstention"].n
    rest = ("facts.invented", "facts.wrong_real", "facts.other")
    assert known + unknown + refused + 5 * sum(found[name].value for name in rest) == pytest.approx(
        5
    )


def test_digits_right_though_the_code_is_wrong(table: FactTable) -> None:
    found = _metrics(table, "402535510946", DAWU, "", "", "")["facts.places"]
    assert found.n == 3  # of four questions three want a code
    assert found.value == pytest.approx((10 / 12 + 10 / 12 + 0) / 3)
    assert found.chance is not None and 0.3 < found.chance < 1


def test_times_are_a_ratio_without_an_interval(table: FactTable) -> None:
    found = _metrics(table, "a", "bb", "ccc", "", "talk", base=("",) * 5)
    speed = found["speed.tokens_per_second"]
    assert speed.value == pytest.approx((2 + 3 + 4 + 1 + 5) / 2.5)
    assert (speed.low, speed.high, speed.unit) == (None, None, "per_second")
    assert speed.baseline == pytest.approx(2.0)
    assert found["speed.seconds_per_answer"].value == 0.5
    assert found["answers.stop"].value == 0.8


def test_different_questions_are_not_compared(table: FactTable) -> None:
    items = _items(table, *[""] * 5)
    with pytest.raises(ValueError, match="different questions"):
        compute(items, items[::-1], context_of(ASKED, table))


def test_a_wording_of_ones_own_for_unknown_counts(table: FactTable) -> None:
    rows = [row("code of Mars?", "pas de code", expect=None)]
    said = [Answer("Pas de code.", 3, 0.1, True)]
    assert judged(rows, said, context_of(rows, table))[0].judgement.right  # type: ignore[union-attr]


def test_every_metric_is_defined_in_both_languages() -> None:
    for language in text.LANGUAGES:
        known = text.sentences(language)
        assert [name for name, _ in load() if f"metric.{name}" not in known] == []


@settings(max_examples=40)
@given(
    st.lists(
        st.sampled_from(["", DAWU, ZHICHUN, XINGFA, MADE_UP, "unknown", "talk"]),
        min_size=5,
        max_size=5,
    )
)
def test_any_answers_give_metrics_in_their_range(answers: list[str]) -> None:
    found = _metrics(None, *answers, base=(DAWU, "", "", "", "unknown"))
    for metric in found.values():
        if metric.unit == "share":
            assert 0 <= metric.value <= 1 and metric.low is not None and metric.high is not None
            assert metric.low <= metric.value <= metric.high
            assert metric.n >= metric.groups > 0


def _card(metrics: dict[str, Metric], table: FactTable, on: str = "test") -> Scorecard:
    questions = {"on": on, "source": "x", "rows": 5, "asked": 5}
    about = {"source": table.source, "facts": len(table)}
    return Scorecard({}, questions, about, {"max_new_tokens": 9}, tuple(metrics.values()))


def _said(table: FactTable, *answers: str, base: tuple[str, ...] | None = None) -> str:
    card = _card(_metrics(table, *answers, base=base), table)
    return "\n".join(words(card, _items(table, *answers)))


def test_words_for_a_perfect_score_still_state_its_limits(table: FactTable) -> None:
    said = _said(table, DAWU, XINGFA, ZHICHUN, "Dawu branch", "unknown", base=("",) * 5)
    assert "4 of 4 questions" in said and "100%" in said
    assert "No code was invented in 5 answers; that is compatible with up to" in said
    assert "are few" in said
    assert "cannot be told apart" in said  # three facts would all differ by luck in 1 of 8


def test_words_for_a_difference_and_for_harm(table: FactTable) -> None:
    rows = [fact(f"code {i}?", DAWU, f"branch {i}") for i in range(10)]
    context = context_of(rows, table)
    right = judged(rows, [Answer(DAWU, 13, 0.1, True)] * 10, context)
    wrong = judged(rows, [Answer("talk", 2, 0.1, True)] * 10, context)
    better = _card({m.name: m for m in compute(right, wrong, context)}, table)
    worse = _card({m.name: m for m in compute(wrong, right, context)}, table)
    assert "100 points more than the base model (0%)" in "\n".join(words(better, right))
    assert "training has done harm" in "\n".join(words(worse, wrong))


def test_words_name_what_hides_behind_the_digits_and_who_never_stops(table: FactTable) -> None:
    said = _said(table, "402535510946", DAWU, "102100020786", "talk", "talk")
    assert "a low loss hides wrong codes" in said
    assert "2 of 5 answers did not end by themselves within 9 tokens" in said
    assert "with something else 1" in said
    assert "4 of 4 questions that have an answer" in _said(table, *["unknown"] * 5)


@given(st.floats(0, 1))
def test_a_share_is_never_rounded_to_all_or_nothing(value: float) -> None:
    assert (share(value) == "0%") == (value == 0)
    assert (share(value) == "100%") == (value == 1)


def test_losses_of_the_last_epoch_before_the_last_evaluation(tmp_path: Path) -> None:
    with Recorder(tmp_path / "events.jsonl") as recorder:
        for step, (loss, evaluated) in enumerate([(9, 8), (4, 5), (2, None), (1, 3), (7, None)], 1):
            recorder.metrics(step=step, epoch=step / 2, loss=loss)
            if evaluated:
                recorder.eval(step=step, epoch=step / 2, eval_loss=evaluated)
    found = {m.name: (m.value, m.n) for m in loss_metrics(tmp_path, 40)}
    assert found == {"loss.train": (1.5, 2), "loss.eval": (3.0, 40), "loss.gap": (1.0, 40)}


def test_losses_that_are_missing_or_not_numbers(tmp_path: Path) -> None:
    assert loss_metrics(tmp_path, 0) == []
    with Recorder(tmp_path / "events.jsonl") as recorder:
        recorder.metrics(step=1, epoch=0.5, loss=math.nan)
        recorder.eval(step=1, epoch=0.5, eval_loss=1.0)
    found = {m.name: m for m in loss_metrics(tmp_path, 4)}
    assert math.isnan(found["loss.gap"].value)
    assert check([Gate("loss.gap", max=0.2)], found.values())[0].passed is False


def test_a_scorecard_comes_back_as_it_was_nan_included(tmp_path: Path, table: FactTable) -> None:
    metrics = _metrics(table, DAWU, "", "", "", "", base=("",) * 5)
    metrics["loss.gap"] = Metric("loss.gap", "d", math.inf, None, None, 4, baseline=-math.inf)
    card = _card(metrics, table)
    path = save(card, tmp_path, "scorecard", [{"question": "联行号？"}])
    json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert Scorecard.load(path).metrics == card.metrics
    assert "联行号" in (tmp_path / "scorecard.answers.jsonl").read_text(encoding="utf-8")


def test_a_broken_scorecard_is_kept_too(tmp_path: Path, table: FactTable) -> None:
    (tmp_path / "scorecard.json").write_text("{torn", encoding="utf-8")
    save(_card({}, table), tmp_path, "scorecard", [])
    assert (tmp_path / "scorecard.1.json").read_text(encoding="utf-8") == "{torn"


@given(st.floats(allow_nan=False), st.floats(allow_nan=False), st.floats())
def test_a_gate_holds_what_lies_between_its_bounds(low: float, high: float, value: float) -> None:
    metric = Metric("facts.accuracy", "", value, None, None, 1)
    result = check([Gate("facts.accuracy", low, high)], [metric])[0]
    near = math.isclose(value, low) or math.isclose(value, high)
    assert result.passed is (low <= value <= high) or near
    assert check([Gate("facts.accuracy", max=value)], [metric])[0].passed is not math.isnan(value)


def test_gates_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "gates.yaml"
    path.write_text(
        "gates:\n- {metric: facts.accuracy.reverse, min: 1e-1}\n- {metric: loss.gap, max: 1}\n"
    )
    assert read_gates(path) == (Gate("facts.accuracy.reverse", 0.1), Gate("loss.gap", None, 1.0))
    with pytest.raises(ConfigError, match="no such file"):
        read_gates(tmp_path / "none.yaml")


def test_a_fact_may_be_asked_in_a_style_of_ones_own(table: FactTable) -> None:
    rows = [fact("a", DAWU, "Dawu branch", "slang"), fact("b", ZHICHUN, "Zhichun branch", "slang")]
    said = [Answer(DAWU, 13, 0.1, True)] * 2
    found = {
        m.name
        for m in compute(judged(rows, said, context_of(rows, table)), None, context_of(rows, table))
    }
    assert "facts.accuracy.slang" not in found  # one style alone is the whole
