"""docs/faultbench.md is what the script writes of the record, and says what its figures leave out."""

import copy
from pathlib import Path
from typing import Any

import pytest
from test_scoring import made

from bench.faultbench import page, repair, score, supplement, targets
from bench.faultbench.__main__ import main
from bench.faultbench.doctors import Call
from bench.faultbench.stored import load

LAST = page.scorings()[-1]
NO_EVAL, WRONG = Call(frozenset({"no-eval"}), True), Call(frozenset({"overfit"}), True)


def written(**changes: Any) -> str:
    """The page of the last scoring with other parts."""
    row = {**copy.deepcopy(LAST), "date": "2000-01-01 00:00", **changes}
    return page.words([LAST, row])


def line_with(text: str, part: str) -> str:
    return next(line for line in text.splitlines() if part in line)


def test_the_page_is_what_the_script_writes() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.words(page.scorings())


def test_alarms_that_are_true_of_sound_runs_are_counted() -> None:
    bare = [row for row in made("a").log if row["kind"] != "eval"]
    runs = [made(name, log=bare) for name in "abc"] + [made("f", "fault", ("overfit",))]
    said = {"a": [NO_EVAL], "b": [NO_EVAL, WRONG], "c": [WRONG], "f": [WRONG]}
    told = score.alarms_at_all(runs, said)
    assert told == {"runs": 3, "true": 2, "codes": {"no-eval": 2}}
    assert [wrong["id"] for wrong in score.wrong_alarms(runs, said)] == ["b", "c"]


def test_the_page_says_what_is_no_false_alarm() -> None:
    ours = {**LAST["huohou"], "alarms_at_all": {"runs": 9, "true": 7, "codes": {"no-eval": 7}}}
    said = line_with(written(huohou=ours), "says nothing that is true")
    assert "had 9 of the 207" in said and "in 7 of them" in said and "`no-eval` 7" in said


def test_what_is_kept_beside_the_last_scoring_is_counted_on_its_runs() -> None:
    """And the alarms that were recorded are those of today's rules, else nothing is counted."""
    pytest.importorskip("torch")
    if LAST["date"] not in supplement.kept():
        pytest.skip("the last scoring tells it all by itself")
    try:
        counted = supplement.count(LAST, load(page.split_of(LAST)))
    except supplement.OtherRulesError:
        pytest.skip("the rules have changed since the scoring")
    assert counted == supplement.kept()[LAST["date"]]


def test_nothing_is_counted_with_other_rules() -> None:
    silent = [made("h", log=made("h").log[:3])]
    with pytest.raises(supplement.OtherRulesError):
        supplement.count({**LAST, "alarms": LAST["alarms"][:1]}, silent)


def test_what_is_kept_is_counted_once_and_changes_no_recorded_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supplement, "KEPT", tmp_path / "supplement.json")
    monkeypatch.setattr(page, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(supplement, "count", lambda row, runs: {"huohou": {"accepts": {"x": []}}})
    monkeypatch.setattr("sys.argv", ["faultbench", "page"])
    (tmp_path / "supplement.json").write_text("{}", encoding="utf-8")
    before = page.SCORINGS.read_bytes()
    assert main() == 0 and list(supplement.kept()) == [LAST["date"]]
    whole = supplement.whole(LAST)
    assert whole["huohou"].pop("accepts") == {"x": []} and whole == LAST
    assert page.SCORINGS.read_bytes() == before


def test_codes_that_accept_others_are_named() -> None:
    runs = [
        made("a", "fault", ("overfit", "memorised")),
        made("b", "fault", ("diverged",)),
        made("c", "fault", ("stalled", "crashed"), decidable=False),
    ]
    assert score.accepts(runs) == {"overfit": ["memorised"]}
    text = written(huohou={**LAST["huohou"], "accepts": {"overfit": ["memorised"]}})
    assert "| overfit | memorised |" in text and "1 of the 33 codes accept others" in text


def lead(value: float, low: float, high: float) -> str:
    linters = copy.deepcopy(LAST["linters"])
    linters["runmedic"]["lead"] = {"value": value, "low": low, "high": high}
    return line_with(written(linters=linters), "lead over runmedic").split("|")[-2].strip()


def test_the_lead_over_each_linter_is_a_target_with_its_interval() -> None:
    assert lead(0.18, 0.10, 0.25) == "yes, but the interval reaches below it"
    assert lead(0.18, 0.16, 0.25) == "yes" and lead(0.14, 0.10, 0.25) == "**no**"
    assert {f"lead over {name} in faults named" for name in LAST["linters"]} < {
        goal.words for goal in targets.goals(LAST)
    }


def test_repairs_have_an_interval_a_history_and_their_kinds() -> None:
    tried = {"few-evals": [3, 4], "lr-too-low": [1, 2], "overfit": [0, 1]}
    told = {"tried": 7, "cured": 4, "share": 4 / 7, "by_code": tried, "curable": {"few-evals": 9}}
    text = written(repair=told)
    assert "| repaired by our advice | 0.571 | 0.184 to 0.901 | min 0.8 | **no** |" in text
    assert "57.1% [18.4%, 90.1%]" in text and "| 4 of 7 | 566 |" in text
    kinds = line_with(text, "planted in settings alone")
    assert kinds.startswith("Only 9 of the 312") and "up to 4 of a code" in text
    assert "4 of the 7 have an evaluation" in kinds and "2 a learning rate" in kinds
    assert "1 another fault" in kinds
    assert "| not tried | 566 |" in written(repair=None)


def test_a_fault_in_a_setting_is_curable_one_in_code_is_not() -> None:
    pytest.importorskip("torch")
    runs = [run for run in load("dev") if run.fault in ("lr-zero", "nan-loss")]
    assert set(repair.curables(runs)) == {"lr-zero"}


def test_goals_without_a_figure_are_not_met() -> None:
    told = targets.goals({"huohou": {}})
    assert len(told) == len(targets.TARGETS)
    assert not any(goal.met or goal.is_sure for goal in told)
