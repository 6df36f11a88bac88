"""Beliefs from hits: they sum to one, share between rivals, and are calibrated where fitted."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huohou.answer.confidence import Belief, Confidence, read_confidence, shipped, swayed
from huohou.answer.fitting import Example, fit, fit_trust
from huohou.answer.types import Entry, Hit, How
from huohou.errors import CannotJudgeError, DataError
from huohou.measure.calibration import brier

PLAIN = Confidence({"score": 11.0, "score.lead": 6.0, "how.exact": 17.0}, 9.0)
anything = st.floats(allow_nan=True, allow_infinity=True)


def hit(number: int, score: float, how: How = "grams", **features: float) -> Hit:
    entry = Entry(number, f"name {number}", str(number), {}, number)
    return Hit(entry, score, how, features)


scores = st.lists(st.floats(0, 1), max_size=6)


@given(scores, st.none() | st.lists(anything, max_size=8))
def test_whatever_a_model_says_beliefs_are_probabilities(
    found: list[float], chosen: list[float] | None
) -> None:
    belief = PLAIN.believe([hit(i, score) for i, score in enumerate(found)], chosen)
    whole = (*belief.hits, belief.none)
    assert all(0 <= p <= 1 for p in whole) and math.fsum(whole) == pytest.approx(1)
    decision = PLAIN.decide(belief)
    assert len(set(decision.rows)) == len(decision.rows) <= 3
    assert all(row < len(found) for row in decision.rows)
    assert 0 <= decision.confidence <= 1 + 1e-9


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(found: list[float], dice: object) -> None:
    hits = [hit(i, score) for i, score in enumerate(found)]
    shuffled = list(hits)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    first = dict(zip((h.entry.id for h in hits), PLAIN.believe(hits).hits, strict=True))
    second = dict(zip((h.entry.id for h in shuffled), PLAIN.believe(shuffled).hits, strict=True))
    assert first == pytest.approx(second)


def test_what_is_done_with_a_belief() -> None:
    told = {
        (0.95, 0.02): "found",
        (0.48, 0.47): "ambiguous",
        (0.3, 0.3, 0.3): "ambiguous",
        (0.5, 0.04): "unsure",
        (0.85, 0.01): "unsure",  # a row that is hardly possible is no choice beside it
        (0.18, 0.18, 0.18, 0.18, 0.18): "unsure",
        (0.1, 0.05): "unknown",
        (): "unknown",
    }
    for found, status in told.items():
        decision = PLAIN.decide(Belief(found, 1 - math.fsum(found)))
        assert decision.status == status, found
    both = PLAIN.decide(Belief((0.1, 0.4, 0.45), 0.05))
    assert both.rows == (2, 1, 0) and both.confidence == pytest.approx(0.95)


def test_a_name_of_two_rows_is_asked_back_and_a_near_one_does_not_hide_an_exact_one() -> None:
    twins = [hit(0, 1.0, "exact"), hit(1, 1.0, "exact"), hit(2, 0.7)]
    assert PLAIN.decide(PLAIN.believe(twins)).status == "ambiguous"
    assert PLAIN.decide(PLAIN.believe(twins[:0:-1])).rows == (1,)


def test_rows_that_bear_the_name_are_told_apart_by_nothing_but_how_they_bear_it() -> None:
    twins = [hit(0, 0.98, "short", head=1.0), hit(1, 0.97, "short", head=0.1)]
    keyed = Confidence({"how.short": 20.0, "how.exact": 20.0, "head": 3.0, "score": 5.0}, 9.0)
    belief = keyed.believe(twins)
    assert belief.hits[0] == pytest.approx(belief.hits[1])
    assert keyed.decide(keyed.believe([*twins, hit(2, 1.0, "exact")])).rows == (2,)


def test_a_model_may_break_a_tie_but_cannot_undo_an_exact_name() -> None:
    liar = [0.0, 1.0, 0.0]
    sure = [hit(0, 1.0, "exact"), hit(1, 0.6)]
    assert PLAIN.decide(PLAIN.believe(sure, liar)).rows == (0,)
    tie = [hit(0, 0.9), hit(1, 0.9)]
    before, after = PLAIN.believe(tie), PLAIN.believe(tie, liar)
    assert before.hits[0] == pytest.approx(before.hits[1])
    assert after.hits[1] > after.hits[0]


def test_a_choice_that_is_none_is_left_out() -> None:
    assert swayed([0.2, 0.3, 0.5, 0.1], 2) == [0.0, 0.0]
    assert swayed([math.nan, 0.5], 1) == [0.0]
    assert swayed([0.9, 0.1], 2) == pytest.approx([math.log(9), 0.0])
    assert swayed([1.0, 0.0], 1) == [3.0]


def _examples(n: int, seed: int = 0, skill: float = 0.0) -> list[Example]:
    """Questions of which a tenth ask for nothing; the right row is told by a noisy feature."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(n):
        known = rng.random() > 0.1
        right = int(rng.integers(0, 5)) if known else None
        told = rng.normal(0, 1, 5)
        if right is not None:
            told[right] += 3
        hits = [hit(i, 0.5, name=float(value), noise=rng.normal()) for i, value in enumerate(told)]
        model = rng.dirichlet(np.ones(6))
        model[5 if right is None else right] += skill
        made.append(Example(hits, right, number // 3, known, list(model / model.sum())))
    return made


def test_the_fit_is_calibrated_on_facts_it_has_not_seen() -> None:
    found = fit(_examples(1500), error=0.05)
    assert found.about["questions"] == 1500
    assert found.about["calibration_error"] < 0.05
    assert found.about["brier_skill"] > 0.2 and found.about["auroc"] > 0.8
    assert found.weights["name"] == pytest.approx(3, abs=0.4)  # of unit noise: what Bayes says
    assert abs(found.weights.get("noise", 0.0)) < 0.15
    assert found.about["bound"] <= 0.05
    fresh = _examples(4000, seed=9)
    decided = [(found.decide(found.believe(one.hits)), one.right) for one in fresh]
    given = [(d.rows[0] == right) for d, right in decided if d.status == "found"]
    assert len(given) > 1000 and np.mean(given) > 0.94


def test_a_threshold_that_cannot_be_shown_is_one_that_was_seen() -> None:
    found = fit(_examples(300), error=0.01)
    assert found.about["bound"] is None and found.found > 0.8
    hopeless = [replace(one, right=None, known=True) for one in _examples(300)]
    assert fit(hopeless, error=0.01).found == 0.99


def test_what_the_look_up_misses_lowers_the_confidence_of_unknown() -> None:
    whole = _examples(1000)
    missed = [replace(one, right=None) if i % 10 == 0 else one for i, one in enumerate(whole)]
    before, after = fit(whole, error=0.05), fit(missed, error=0.05)
    assert after.ceilings["unknown"] < before.ceilings["unknown"]


def test_claims_are_as_sure_as_they_were_borne_out() -> None:
    found = fit(_examples(3000), error=0.05)
    assert {"found", "unknown"} <= set(found.curves)
    bare, held_out = replace(found, curves={}, ceilings={}), _examples(4000, seed=9)
    fresh, raw = ([_settled(one, row) for row in held_out] for one in (found, bare))
    assert [held for _, held in fresh] == [held for _, held in raw]  # only how surely it is said
    assert brier([p for p, _ in fresh], [h for _, h in fresh]) <= 1.01 * brier(
        [p for p, _ in raw], [h for _, h in raw]
    )
    doubtful = replace(found, curves={"found": (1.0, -3.0)}, ceilings={})
    assert doubtful.settled("found", 0.9) == pytest.approx(9 / (9 + math.exp(3)))
    assert doubtful.settled("unknown", 0.9) == 0.9


def _settled(confidence: Confidence, example: Example) -> tuple[float, float]:
    decision = confidence.decide(confidence.believe(example.hits))
    if decision.status == "unknown":
        return decision.confidence, float(not example.known)
    named = decision.rows if decision.status == "ambiguous" else decision.rows[:1]
    return decision.confidence, float(example.right in named)


def test_trust_is_what_a_models_choices_are_worth() -> None:
    found = fit(_examples(800))
    blind = fit_trust(found, _examples(1500, seed=2), "blind")
    knowing = fit_trust(found, _examples(1500, seed=3, skill=2.0), "knowing")
    assert blind.trust["blind"] < 0.1
    assert knowing.trust["knowing"] > 0.5
    lost = [
        _loss(one, knowing, "knowing") - _loss(one, found, "") for one in _examples(500, 5, 2.0)
    ]
    assert np.mean(lost) < -0.1


def _loss(example: Example, confidence: Confidence, model: str) -> float:
    belief = confidence.believe(example.hits, example.chosen if model else None, model)
    return -math.log(belief.none if example.right is None else belief.hits[example.right])


def test_a_handful_of_questions_calibrates_nothing() -> None:
    with pytest.raises(CannotJudgeError, match="too few"):
        fit(_examples(60))


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1), st.floats(allow_nan=False, allow_infinity=False)))
def test_a_file_comes_back_as_it_was(weights: dict[str, float]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.json"
        before = Confidence(weights, 1.5, {"模型": 0.5}, about={"measured_on": 3})
        before.save(path)
        assert read_confidence(path) == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"schema": 2}',
        '{"schema": 1, "weights": {}, "none": 1, "extra": 2}',
        '{"schema": 1, "weights": {"score": NaN}, "none": 1}',
        '{"schema": 1, "weights": {"score": "high"}, "none": 1}',
        '{"schema": 1, "weights": {}, "none": 1, "ceilings": {"found": Infinity}}',
        '{"schema": 1, "weights": {}, "none": 1, "curves": {"found": [1, NaN]}}',
        '{"schema": 1, "weights": {}, "none": 1, "curves": {"found": [1]}}',
    ],
)
def test_a_file_that_is_none_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"c\.json is not a confidence file"):
        read_confidence(tmp_path / "c.json")


def test_the_one_that_is_shipped_answers_an_exact_name() -> None:
    exact = [hit(0, 1.0, "exact"), hit(1, 0.5)]
    assert shipped().decide(shipped().believe(exact)).status == "found"
    json.dumps(shipped().as_dict(), allow_nan=False)
