"""`train --sweep`: a queued job for each combination, compared on the validation split."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from living import ended, folder_of, occupied

from huohou import api
from huohou.api import sweeps
from huohou.cli.main import run
from huohou.errors import UsageError
from huohou.jobs import stopping
from huohou.jobs.sweep import combinations
from huohou.plan import Plan
from waiting import wait_until

pytestmark = pytest.mark.usefixtures("plugin")
NAMES = ("name", "train.learning_rate", "train.seed", "lora.rank", "align.margin", "embed.scale")
Ask = Callable[..., None]


@pytest.fixture
def runs(tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch, either_database: str) -> Path:
    """A workspace; `train` plans the recipe `fake`."""

    def planned(run_file: Path | None, flags: Sequence[str]) -> Plan:
        names = [flag.removeprefix("name=") for flag in flags if flag.startswith("name=")]
        return replace(plan, name=names[-1])

    monkeypatch.setattr(sweeps, "make_plan", planned)
    return tmp_path / "runs"


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        (["margin"], "write a setting and its values"),
        (["margin="], "write a setting and its values"),
        (["margin=1", "align.margin=2"], "twice"),
        (["margn=1"], "margin"),
        ([f"seed={','.join(map(str, range(65)))}"], "65 runs"),
    ],
)
def test_what_cannot_be_swept_is_said(wanted: list[str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        combinations(wanted, NAMES, "align")


def test_a_value_given_twice_is_one_run() -> None:
    assert len(combinations(["rank=4,4, 8"], NAMES, "sft")) == 2


def test_every_combination_is_a_job_and_they_are_compared(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--name", "grid", "--sweep", "rank=4,8", "learning_rate=1e-4,2e-4"]
    assert run(["train", *given]) == 0
    told = capsys.readouterr()
    assert "rank  learning_rate" in told.out and told.out.count("completed") == 4
    assert "best of 4" in told.err and "--on test" in told.err
    names = [json.loads((folder_of(runs, n) / "plan.json").read_text())["name"] for n in (1, 4)]
    assert names == ["grid rank=4 learning_rate=1e-4", "grid rank=8 learning_rate=2e-4"]
    assert run(["runs", "sweep", "grid", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["measure"] == "eval_loss" and found["better"] == "lower"
    assert [row["value"] for row in found["rows"]] == pytest.approx([0.3] * 4)
    assert found["rows"][2]["set"] == {"lora.rank": "8", "train.learning_rate": "1e-4"}
    assert run(["runs", "sweep", "gird"]) == 2
    assert "grid" in capsys.readouterr().err


def test_rankings_are_compared_question_by_question(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where both runs kept each question's value, it is said by how much the best is ahead."""
    assert run(["train", "--name", "grid", "--sweep", "rank=4,8"]) == 0
    capsys.readouterr()
    for number, value in ((1, 0.2), (2, 0.8)):
        folder = folder_of(runs, number)
        kept = [{"id": f"q{i}", "group": i, "before": 0.1, "after": value} for i in range(40)]
        (folder / "heldout.json").write_text(json.dumps({"queries": kept}))
        event: dict[str, Any] = {"t": 1, "seg": 0, "kind": "eval", "epoch": 0.0}
        with (folder / "events.jsonl").open("a") as out:
            for step, score in ((0, 0.1), (9, value), (10, value / 2)):
                out.write(json.dumps(event | {"step": step, "eval_ndcg@10": score}) + "\n")
        (folder / "release.json").write_text(json.dumps({"chosen": "stage2"}))
    found = api.compare_sweep("grid")
    assert found["measure"] == "eval_ndcg@10" and found["best"] == 2
    assert [(row["value"], row["step"], row["before"]) for row in found["rows"]] == [
        (0.2, 9, 0.1),
        (0.8, 9, 0.1),
    ]
    assert found["ahead"]["difference"] == pytest.approx(0.6) and found["ahead"]["low"] > 0
    assert run(["runs", "sweep", "grid"]) == 0
    assert "stage 2" in capsys.readouterr().out


def test_losses_of_other_margins_are_not_compared_in_silence(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", "--name", "grid", "--sweep", "batch_size=4,8"]) == 0
    assert "cannot be compared" in capsys.readouterr().err


def test_detached_they_wait_in_the_queue(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with occupied(runs):
        assert (
            run(["train", "--detach", "--slots", "1", "--name", "grid", "--sweep", "rank=4,8"]) == 0
        )
        assert 'huohou runs sweep "grid"' in capsys.readouterr().out
        assert [row["status"] for row in api.compare_sweep("grid")["rows"]] == ["queued"] * 2
    wait_until(lambda: ended(runs, 1, 2))
    assert api.compare_sweep("grid")["best"] == 1


def test_stopping_one_cancels_those_that_wait(runs: Path, plan: Plan, fake: Ask) -> None:
    fake(steps=10_000, seconds=0.01)

    def on_event(event: dict[str, Any], _: object) -> None:
        if event["kind"] == "metrics":
            stopping.request(folder_of(runs, 1))

    found = api.sweep("grid", [(plan, {"lora.rank": "4"}), (plan, {"lora.rank": "8"})], on_event)
    assert [row["status"] for row in found["rows"]] == ["stopped", "stopped"]
    assert not (folder_of(runs, 2) / "events.jsonl").exists(), "it was never begun"


@pytest.mark.parametrize("words", [["a.yaml", "b.yaml"], ["a.yaml", "rank=4"]])
def test_more_than_a_run_file_needs_a_sweep(words: list[str]) -> None:
    assert run(["train", *words]) == 2


def test_a_sweep_makes_new_runs_only(runs: Path) -> None:
    assert run(["train", "--sweep", "rank=4", "--if-exists", "backup"]) == 2
