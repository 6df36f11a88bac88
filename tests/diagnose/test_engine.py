"""The doctor as a whole: verdicts, order, root causes, what it leaves open."""

import math

import pytest

from huohou.data.checks import checks
from huohou.diagnose.case import Case
from huohou.diagnose.elsewhere import PROBES
from huohou.diagnose.engine import diagnose
from huohou.diagnose.examples import falling, line, lives, run
from huohou.diagnose.rule import rules
from huohou.record.finding import Finding
from huohou.record.record import Point, Record

HEALTHY = run(
    loss=falling(2.0, 1.0, n=60), evals=[1.8, 1.4, 1.2, 1.1, 1.05, 1.04], facts={"finished": True}
)
OVERFIT = run(loss=falling(2.0, 0.1, n=60), evals=[0.98, 0.95, 1.1, 1.24, 1.33, 1.5, 1.61])


def codes(record: Record, **more: object) -> list[str]:
    return [finding.code for finding in diagnose(record, **more).findings]  # type: ignore[arg-type]


def test_verdicts() -> None:
    assert diagnose(HEALTHY).verdict == "healthy"
    assert diagnose(OVERFIT).verdict == "faulty"
    assert diagnose(run(loss=falling(2.0, 1.0))).verdict == "watch", "never evaluated"


@pytest.mark.parametrize(
    "record",
    [
        Record({"path": "empty"}),
        run(loss=[2.0, 1.9]),
        run(evals=[2.0, 1.9, 1.8, 1.7]),
        run(loss=falling(2.0, 1.0, n=12), evals=[1.5] * 3, every=1),
    ],
)
def test_too_little_is_not_judged(record: Record) -> None:
    result = diagnose(record)
    assert result.verdict == "cannot-judge"
    assert result.needs, "it says what to give"


def test_short_but_plainly_broken_is_judged() -> None:
    assert diagnose(run(loss=[2.0, math.nan, math.nan])).verdict == "faulty"


def test_every_rule_ran_or_says_what_it_needs() -> None:
    for record in (HEALTHY, OVERFIT, run(loss=[2.0]), Record({"path": "empty"})):
        result = diagnose(record)
        listed = [*result.ran, *(one.code for one in result.skipped)]
        assert len(listed) == len(set(listed))
        assert set(listed) == {
            *(rule.code for rule in rules()),
            *(code for code, _ in checks),
            *PROBES,
        }
        assert all(one.needs for one in result.skipped)


def test_root_cause_comes_first_and_alone() -> None:
    dead = run(
        loss=[*falling(2.0, 0.1, n=50), *[math.nan] * 10],
        evals=[0.98, 0.95, 1.1, 1.24, 1.33, 1.5, 1.61],
    )
    assert codes(dead)[0] == "nan-loss"
    again = lives(falling(3.7, 1.5), falling(3.7, 1.4))
    assert codes(again) == ["silent-restart", "no-eval"]


def test_document_is_that_of_the_contract() -> None:
    told = diagnose(OVERFIT).as_dict()
    assert list(told) == [
        *("schema", "source", "verdict", "findings", "claims", "gates", "criteria"),
        *("ran", "skipped"),
    ]
    finding = told["findings"][0]
    assert set(finding) == {
        *("code", "severity", "confidence", "tier", "title"),
        *("evidence", "why", "advice", "reference"),
    }
    assert set(finding["evidence"][0]) == {"text", "step", "value"}
    assert set(finding["advice"][0]) == {"text", "set"}
    assert finding["confidence"] is None or 0 < finding["confidence"] < 1
    assert told["source"]["points"] == {"eval_loss": 7, "loss": 60}


def test_numbers_that_json_does_not_know_are_words() -> None:
    told = diagnose(run(loss=[2.0, math.nan, math.nan])).as_dict()
    assert told["findings"][0]["evidence"][0]["value"] == "NaN"


def test_findings_of_the_checks_before_training_belong_to_it() -> None:
    checked = Finding("data-overlap", "error", "data", "rows on both sides", "why")
    doubled = Finding("too-few-updates", "warning", "config", "t", "w")
    plan = {"findings": [checked.as_dict(), doubled.as_dict()], "eval": None}
    result = diagnose(HEALTHY, plan=plan)
    assert [f.code for f in result.findings] == ["data-overlap"], "a rule's own word counts"
    assert result.verdict == "faulty"


def test_checks_of_the_data_are_made_once_and_explain_what_the_log_suspects() -> None:
    deep = falling(3.0, 0.05, n=60, rate=6)
    leak = run(loss=deep, evals=[deep[6 * i + 5] for i in range(10)], epochs=10)
    alone = diagnose(leak)
    assert "leak-suspected" in [f.code for f in alone.findings]
    needs = {one.code: one.needs for one in alone.skipped}
    assert "--eval" in needs["data-overlap"] and "huohou eval" in needs["same-as-base"]
    found = Finding("data-overlap", "error", "data", "t", "w").as_dict()
    checked = {
        "findings": [found],
        "ran": ["data-overlap"],
        "skipped": [{"code": "missing-eos", "needs": "a tokenizer"}],
    }
    both = diagnose(leak, data=checked)
    assert [f.code for f in both.findings if f.severity == "error"] == ["data-overlap"]
    assert "leak-suspected" not in [f.code for f in both.findings], "one cause is said once"
    assert "data-overlap" in both.ran
    assert ("missing-eos", "a tokenizer") in [(one.code, one.needs) for one in both.skipped]


def test_what_a_probe_saw_is_taken_in() -> None:
    seen = Finding("same-as-base", "error", "probe", "t", "w").as_dict()
    result = diagnose(HEALTHY, probe={"findings": [seen], "ran": ["same-as-base"]})
    assert result.verdict == "faulty" and "same-as-base" in result.ran
    assert {one.code for one in result.skipped} >= {"never-stops", "invented-fact"}


def test_course_leaves_out_what_a_resume_took_back() -> None:
    record = lives(falling(3.0, 1.0, n=10), falling(1.5, 0.5, n=10), starts=(0, 50))
    course = Case(record).course("loss")
    assert [(p.seg, p.step) for p in course] == (
        [(0, 10 * i) for i in range(1, 6)] + [(1, 50 + 10 * i) for i in range(1, 11)]
    )


def test_course_of_evaluations_ends_where_the_losses_were_taken_up() -> None:
    losses = [Point(1.0, s, seg=0) for s in (10, 20, 30)] + [Point(1.0, s, seg=1) for s in (15, 25)]
    evals = [Point(1.0, 10, seg=0), Point(9.0, 20, seg=0), Point(1.0, 30, seg=1)]
    case = Case(Record({}, {"loss": tuple(losses), "eval_loss": tuple(evals)}))
    assert [p.value for p in case.evals] == [1.0, 1.0]


def test_evaluation_loss_of_a_named_set() -> None:
    record = run(loss=falling(2.0, 0.1, n=60), more={"eval_bank_loss": line(1.0, 2.0, n=60)})
    case = Case(record)
    assert case.eval_name == "eval_bank_loss" and len(case.evals) == 60
    assert "no-eval" not in codes(record)
