"""Wrong rules of thumb: how they are worded, what is answered, and that eval takes the gates."""

import json
from pathlib import Path

import pytest
import yaml

from huohou import text
from huohou.diagnose.case import Case
from huohou.diagnose.claim import Claim, answers, claims
from huohou.diagnose.engine import diagnose
from huohou.diagnose.examples import run
from huohou.diagnose.gates import METRICS, criteria, gates, gates_file
from huohou.evaluate.gates import read_gates
from huohou.record.record import Figure, Point, Record, Statement
from huohou.text import sentences

MADE = [pytest.param(c, s, id=f"{c.code}-{i}") for c in claims() for i, s in enumerate(c.fires)]
NOT = [pytest.param(c, s, id=f"{c.code}-{i}") for c in claims() for i, s in enumerate(c.quiet)]


@pytest.mark.parametrize(("claim", "sentence"), MADE)
def test_sentences_that_make_a_claim(claim: Claim, sentence: str) -> None:
    assert claim.made_in(sentence)


@pytest.mark.parametrize(("claim", "sentence"), NOT)
def test_sentences_that_do_not(claim: Claim, sentence: str) -> None:
    assert not claim.made_in(sentence)


@pytest.mark.parametrize("claim", claims(), ids=lambda claim: claim.code)
def test_examples_in_both_languages(claim: Claim) -> None:
    for examples in (claim.fires, claim.quiet):
        chinese = sum(any("\u4e00" <= c <= "\u9fff" for c in s) for s in examples)
        assert 0 < chinese < len(examples)


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize("claim", claims(), ids=lambda claim: claim.code)
def test_a_claim_has_words(claim: Claim, language: str) -> None:
    known = sentences(language)
    assert known[f"claim.{claim.code}.name"] and known[f"claim.{claim.code}.statement"]
    assert known[f"claim.verdict.{claim.verdict}"] and claim.source


def said(sentence: str, record: Record | None = None) -> list[str]:
    base = record or Record({"path": "example"})
    statement = Statement(sentence, 3)
    made = Record(base.source, base.series, base.facts, (), base.figures, (statement,))
    return [answer["decides"] for answer in answers(Case(made))]


LOWER = "The validation loss is always below the training loss, a good sign."


def epochs(losses: list[float], evals: list[float]) -> Record:
    series = {
        name: tuple(Point(v, epoch=i + 1.0) for i, v in enumerate(values))
        for name, values in (("loss", losses), ("eval_loss", evals))
    }
    return Record({"path": "example"}, series)


def test_lag_is_not_said_where_it_explains_nothing() -> None:
    lag = said(LOWER, epochs([1.0, 0.75, 0.65], [0.8, 0.7, 0.6]))
    assert len(lag) == 1 and "half an epoch of lag" in lag[0]
    far = said(LOWER, epochs([1.0, 0.9, 0.8], [0.2, 0.15, 0.1]))
    assert len(far) == 1 and "up to" in far[0] and "dropout" in far[0]


def test_without_numbers_it_says_what_would_decide() -> None:
    assert "would decide" in said(LOWER)[0]


def test_a_claim_that_the_numbers_bear_out_is_left_alone() -> None:
    sentence = "Top-3 accuracy is high: the model finds the passage."
    good = Figure("accuracy@3", 0.9, "90%", 1, 45, 50)
    bad = Figure("accuracy@3", 0.5, "50%", 1, 25, 50)
    facts = {"candidates": 6}
    assert not said(sentence, Record({}, {}, facts, figures=(good,)))
    assert said(sentence, Record({}, {}, facts, figures=(bad,)))
    watched = run(loss=[1.0, 0.9, 0.8], evals=[1.0, 0.9])
    assert not said("There is no sign of overfitting.", watched)


def test_a_claim_is_answered_once_with_all_its_lines() -> None:
    told = tuple(Statement(LOWER, line) for line in (4, 9))
    found = answers(Case(Record({"path": "x"}, statements=told)))
    assert len(found) == 1 and found[0]["lines"] == [4, 9]


CRITERIA = (
    Statement("accuracy > 80 %", 1, "criterion", "facts.accuracy", min=0.8),
    Statement("train_loss < 0.5", 2, "criterion", "loss.train", max=0.5),
    Statement("gap < 20 %", 3, "criterion", "loss.gap", max=0.2),
    Statement("understands other wordings", 4, "criterion"),
    Statement("confidence > 0.5", 5, "criterion", "answers.confidence", min=0.5),
)


def test_criteria_are_checked_where_the_record_tells() -> None:
    record = epochs([0.9, 0.4], [0.95, 0.6])
    with_criteria = Record(record.source, record.series, statements=CRITERIA)
    found = {one["line"]: one for one in criteria(Case(with_criteria))}
    assert (found[1]["by"], found[1]["met"]) == ("eval", None)
    assert (found[2]["by"], found[2]["met"], found[2]["value"]) == ("record", True, 0.4)
    assert found[3]["met"] is False and found[3]["value"] == pytest.approx(0.5)
    assert found[4]["by"] == found[5]["by"] == "hand"


def test_eval_takes_the_gates(tmp_path: Path) -> None:
    every = [{"metric": name, "min": 0.1, "max": 30.0} for name in METRICS]
    found = gates(criteria(Case(Record({}, statements=CRITERIA))))
    for number, entries in enumerate((every, found)):
        path = tmp_path / f"gates{number}.yaml"
        path.write_text(gates_file(entries), encoding="utf-8")
        assert [gate.metric for gate in read_gates(path)] == [e["metric"] for e in entries]
        assert yaml.safe_load(path.read_text(encoding="utf-8")) == {"gates": list(entries)}


def test_contract_form() -> None:
    told = diagnose(Record({"path": "x"}, statements=(*CRITERIA, Statement(LOWER, 7)))).as_dict()
    assert all({"text", "verdict", "statement", "decides"} <= set(c) for c in told["claims"])
    assert all(set(gate) <= {"metric", "min", "max"} for gate in told["gates"])
    assert json.loads(json.dumps(told)) == told and len(told["claims"]) == 2


SHRINKS = "The gap shrinks, so the risk of overfitting grows."


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_a_gap_is_called_the_lag_only_where_it_is(language: str) -> None:
    words = sentences(language)

    def answer(losses: list[float], evals: list[float]) -> tuple[str, str]:
        """Key and sentence of what is said."""
        with text.speaking(language):
            (told,) = said(SHRINKS, epochs(losses, evals))
        begins = {
            key: words[f"claim.gap-shrinks.{key}"].split("{lag}")[-1].split("{end}")[-1]
            for key in ("numbers", "shrank", "grew", "risen")
        }
        return next(key for key, end in begins.items() if told.endswith(end[-12:])), told

    lag, told = answer([1.2, 0.9, 0.75], [1.0, 0.8, 0.7])
    assert lag == "numbers" and "0.05" in told, "half of 0.8 to 0.7"
    assert answer([1.2, 1.1, 1.0], [1.0, 0.9, 0.85])[0] == "shrank", "three times the lag"
    assert answer([1.2, 0.91, 0.71], [1.0, 0.8, 0.7])[0] == "shrank", "a fifth of the lag"
    assert answer([0.8, 0.65, 0.6], [1.0, 0.8, 0.7])[0] == "shrank", "training below validation"
    grew, told = answer([1.1, 1.0, 0.95], [1.0, 0.8, 0.7])
    assert grew == "grew" and "0.1" in told and "0.25" in told
    assert answer([1.2, 0.9, 0.95], [1.0, 0.8, 0.9])[0] == "risen"


def test_a_score_slightly_above_chance_is_not_said_to_be_below() -> None:
    above = Figure("accuracy@1", 0.2, "20%", 1, 10, 50)
    (told,) = said("Top-1 accuracy is good", Record({}, {}, {"candidates": 6}, figures=(above,)))
    assert "none is clearly above chance" in told and "20 % (guessing 16.67 %)" in told


def test_rows_that_were_not_trained_on_may_be_evaluated_again() -> None:
    sentence = "Evaluate again on the same 50 questions"

    def told(**hard: object) -> list[str]:
        return said(sentence, Record({}, {}, {"hard_cases": {"trained": True, **hard}}))

    assert not told(count=0, of=50) and not told(count=0, of=None)
    assert told(count=35, of=50) == ["35 of the 50 evaluated rows are trained on: 70 %."]
    assert told(count=35, of=None) == ["35 of the evaluated rows are trained on."]
    assert "decides" in told(count=None, of=None)[0]
