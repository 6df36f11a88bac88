"""The scoring of FT-FaultBench: figures whose right value is known, and formats that lose nothing."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.faultbench import calibrate, figures, stored
from bench.faultbench.__main__ import main
from bench.faultbench.doctors import Call
from bench.faultbench.early import cut
from bench.faultbench.export import FORMATS
from bench.faultbench.invariance import agreement, named_too
from bench.faultbench.score import score
from bench.faultbench.stored import Run
from huohou.record.readers import read

LOSSES = [2.5, 1.75, 1.25, 1.0, 0.875, 0.8125]


def made(name: str, kind: str = "healthy", codes: tuple[str, ...] = (), **more: Any) -> Run:
    """A run of six log lines and two evaluations."""
    log: list[dict[str, Any]] = [{"kind": "start", "t": 1000.0}]
    for i, loss in enumerate(LOSSES, start=1):
        place = {"t": 1000.0 + i, "step": 10 * i, "epoch": i / 2}
        log.append({"kind": "metrics", **place, "loss": loss, "learning_rate": 1e-3 / i})
        if i % 3 == 0:
            log.append({"kind": "eval", **place, "eval_loss": loss + 0.125})
    log.append({"kind": "end", "t": 1010.0, "step": 60})
    facts = {"max_steps": 60, "num_train_epochs": 3, "batch_size": 4, "rows": 80}
    fields: dict[str, Any] = {
        "id": name, "split": "dev", "family": "lm", "arch": "llama", "made_by": "torch",
        "kind": kind, "fault": codes[0] if codes else None, "way": "a", "severity": 1, "seed": 0,
        "codes": codes, "tier": "log", "decidable": True, "log": log, "facts": facts,
    }  # fmt: skip
    return Run(**{**fields, **more})


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_every_format_gives_the_same_numbers_back(form: str, tmp_path: Path) -> None:
    record = read(FORMATS[form](made("a"), tmp_path))
    assert record.values("loss") == pytest.approx(LOSSES)
    assert record.values("eval_loss") == pytest.approx([1.375, 0.9375])
    assert [p.step for p in record.points("loss")] == [10, 20, 30, 40, 50, 60]
    assert record.values("learning_rate") == pytest.approx(
        [1e-3 / i for i in range(1, 7)], rel=1e-3
    )


@pytest.mark.parametrize("form", ["huohou", "trainer-state", "llamafactory", "csv", "jsonl"])
def test_what_is_not_a_number_stays_so(form: str, tmp_path: Path) -> None:
    run = made("a")
    log = [{**row, "loss": math.nan} if row.get("step") == 40 else row for row in run.log]
    found = read(FORMATS[form](made("a", log=log), tmp_path)).values("loss")
    assert [math.isnan(v) for v in found] == [False, False, False, True, False, False]


def test_naming_and_false_alarms() -> None:
    fault = made("f", "fault", ("overfit", "memorised"), also=("no-eval",))
    overfit, memorised = Call(frozenset({"overfit"}), True), Call(frozenset({"memorised"}), True)
    said_softly = Call(frozenset({"overfit"}), alarm=False, firm=False)
    usually_soft = Call(frozenset({"memorised"}), alarm=False, firm=True)
    assert figures.named(fault, [memorised]) and figures.named(fault, [usually_soft])
    assert not figures.named(fault, [said_softly])
    assert not figures.detected(fault, [said_softly])
    wrong = Call(frozenset({"diverged"}), True)
    beside = Call(frozenset({"no-eval"}), True)
    assert figures.false_alarms(fault, [overfit, wrong, beside, said_softly]) == [wrong]


def test_shares_have_exact_intervals() -> None:
    none = figures.Share(0, 150)
    assert none.high == pytest.approx(1 - 0.05 ** (1 / 150)) and none.high < 0.02
    half = figures.Share(15, 50)
    assert (half.low, half.high) == pytest.approx((0.1786, 0.4461), abs=1e-4)


def test_precision_recall_and_f1_by_code() -> None:
    runs = [made(f"f{i}", "fault", ("overfit",)) for i in range(4)] + [made("h")]
    overfit = [Call(frozenset({"overfit"}), True)]
    said = {"f0": overfit, "f1": overfit, "f2": overfit, "f3": [], "h": overfit}
    row = figures.by_code(runs, said)["overfit"]
    assert row == pytest.approx({"n": 4, "precision": 0.75, "recall": 0.75, "f1": 0.75})


def test_calibration_figures() -> None:
    p = np.array([0.05, 0.05, 0.95, 0.95])
    right = np.array([0.0, 0.0, 1.0, 1.0])
    assert figures.calibration_error(p, right) == pytest.approx(0.05)
    assert figures.auroc(p, right) == 1.0
    assert figures.auroc(np.full(4, 0.5), right) == 0.5
    sure = [Call(frozenset({"overfit"}), True, True, 0.9)]
    told = figures.calibration(
        [made("f", "fault", ("overfit",)), made("h")], {"f": sure, "h": sure}
    )
    assert told["right"] == 0.5 and told["brier_skill"] < 0


def test_a_lead_has_an_interval_around_it() -> None:
    runs = [made(f"f{i}", "fault", ("overfit",)) for i in range(40)]
    call = [Call(frozenset({"overfit"}), True)]
    ours = {run.id: call for run in runs}
    theirs = {run.id: call if i % 2 else [] for i, run in enumerate(runs)}
    gain, low, high = figures.lead(runs, ours, theirs)
    assert gain == 0.5 and low < 0.5 < high and low > 0.3


def test_formats_are_compared_with_the_fullest() -> None:
    run = made("f", "fault", ("overfit",))
    call = [Call(frozenset({"overfit"}), True)]
    said = {"huohou": {"f": call}, "csv": {"f": []}}
    assert agreement([run], said, "huohou") == {"csv": 0.0}
    assert named_too([run], said, "huohou") == {"csv": 0.0}


def test_a_cut_run_has_not_ended() -> None:
    half = cut(made("a"), 0.5)
    assert [row["kind"] for row in half.log] == ["start", "metrics", "metrics", "metrics", "open"]


def test_a_whole_scoring_runs(tmp_path: Path) -> None:
    told = score([made("h"), made("f", "fault", ("overfit",))])
    assert told["counts"]["runs"] == 2 and told["huohou"]["detected"]["n"] == 1
    assert set(told["formats"]["same_alarms"]) == set(FORMATS) - {"huohou"}


def test_a_split_that_is_not_drawn_yet_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stored, "RUNS", tmp_path)
    monkeypatch.setattr("sys.argv", ["faultbench", "--split", stored.HELD])
    assert main() == 2
    assert f"the {stored.HELD} split is not drawn yet" in capsys.readouterr().err


def test_counts_of_a_half_when_it_was_unseen_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, known = tmp_path / "confidence.json", tmp_path / "unseen.json"
    known.write_text('{"one": {"overfit:warning": [3, 4]}}', encoding="utf-8")
    monkeypatch.setattr(calibrate, "UNSEEN", known)
    monkeypatch.setattr(calibrate, "PLACE", place)
    calibrate.remember("two", {"overfit:warning": (5, 9), "diverged:error": (2, 2)})
    calibrate.remember("one", {"overfit:warning": (0, 100)})
    calibrate.write({"overfit:warning": (20, 20)})
    written = json.loads(place.read_text(encoding="utf-8"))
    assert written["kinds"] == {"overfit:warning": [20, 20]}
    assert written["unseen"] == {"overfit:warning": [8, 13], "diverged:error": [2, 2]}


def test_halves_that_were_opened_have_their_first_counts() -> None:
    assert set(calibrate.unseen()) >= set(stored.DEVELOPMENT) - {"dev"}
