"""The report of a run: honest in its first line, with a checklist that says what was found."""

import json
import struct
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_diagnosis_page import checked

from huohou import api, config, text
from huohou.errors import UsageError
from huohou.evaluate.card import GateResult, Metric, Scorecard, save
from huohou.plan import Choice, DataPart, Plan, Prediction
from huohou.record.recorder import Journal, Recorder
from huohou.report.blocks import Folded, Table, markdown, page
from huohou.report.checked_files import is_whole
from huohou.report.checklist import ITEMS, PHASES, judged
from huohou.report.opening import first_line, next_steps
from huohou.report.part import Part

LOSS = [3.0 / (1 + 0.12 * i) + 0.03 * (-1) ** i for i in range(60)]


def weights(size: int = 64) -> bytes:
    """A safetensors file with one tensor."""
    header = {"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    raw = json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + bytes(size)


def run(place: Path, number: int, **changed: Any) -> Path:
    """A job's folder. state, error: how it ended; lives: losses of each process life; evals;
    model: whether it left one; eval_rows: whether it had any."""
    folder = place / "runs" / f"{number}-job"
    folder.mkdir(parents=True)
    settings = config.load(flags=["model=m", "data.train=t.jsonl"], environment={}).table()
    part = DataPart("t.jsonl", "messages", 240, 9000, 3000, "f" * 64)
    lives = changed.get("lives", [LOSS])
    count = max(len(life) for life in lives)
    prediction = replace(Prediction(*(0 for _ in fields(Prediction))), updates=count)
    Plan(
        name="job",
        recipe="sft",
        model="m",
        settings=settings,
        train=part,
        eval=part if changed.get("eval_rows", True) else None,
        device=Choice("cpu", "no GPU"),
        dtype=Choice("float32", "fast here"),
        template="t",
        prediction=prediction,
    ).save(folder / "plan.json")
    for seg, losses in enumerate(lives):
        _life(folder, seg, losses, number, changed)
    if changed.get("model", True):
        (folder / "adapter").mkdir()
        (folder / "adapter" / "adapter_model.safetensors").write_bytes(weights())
    return folder


def _life(folder: Path, seg: int, losses: list[float], number: int, how: dict[str, Any]) -> None:
    state, evals = how.get("state", "completed"), how.get("evals", [2.0, 1.5, 1.2, 1.0, 0.9, 0.85])
    with Journal(folder / "job.jsonl", seg=seg) as journal:
        if seg == 0:
            journal.queued(number, "job", "sft", "m", epochs=3, steps=len(losses), plan={})
        journal.state("running")
        more = {"error": how["error"]} if "error" in how else {}
        journal.state(state, **more)
    with Recorder(folder / "events.jsonl", seg=seg) as recorder:
        recorder.start(recipe="sft", rows=240, updates=len(losses), epochs=3.0)
        begin = how.get("begins", [0, 0])[seg]
        for i, loss in enumerate(losses, 1):
            step = begin + i
            recorder.metrics(step, step / 20, loss=loss, learning_rate=1e-4, grad_norm=1.0)
            if i % 10 == 0 and step // 10 <= len(evals):
                value = evals[step // 10 - 1]
                recorder.eval(
                    step,
                    step / 20,
                    eval_loss=value,
                    eval_token_accuracy=0.5 + 0.4 * i / len(losses),
                )


def card(
    value: float, base: float | None, apart: tuple[float, float, float] | None, **more: Any
) -> Scorecard:
    """A score of 40 questions."""
    accuracy = Metric(
        "facts.accuracy", "share right", value, value - 0.1, value + 0.1, 40, baseline=base, difference=apart
    )  # fmt: skip
    made_up = Metric("facts.invented", "made up", more.get("invented", 0.0), 0.0, 0.09, 40)
    stops = Metric("answers.stop", "ends by itself", 1.0, 0.9, 1.0, 40)
    return Scorecard(
        run={"name": "job", "folder": "x", "model": "m"},
        questions={"on": more.get("on", "test"), "source": "q.jsonl", "asked": 40, "rows": 40, "fingerprint": "0" * 64},
        table={"source": "t.csv", "facts": 9},
        settings={"decoding": "greedy"},
        metrics=(accuracy, made_up, stops, replace(accuracy, name="facts.accuracy.full")),
        words=("Forty were asked.",),
        gates=more.get("gates", ()),
    )  # fmt: skip


BETTER = card(0.9, 0.1, (0.8, 0.6, 0.9))
Told = Callable[..., str]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """Writes a run and its report; the report's Markdown."""
    monkeypatch.setenv("HUOHOU_HOME", str(tmp_path / "runs"))

    def write(scored: Scorecard | None = None, **changed: Any) -> str:
        folder = run(tmp_path, 1, **changed)
        if scored is not None:
            save(scored, folder, "scorecard", [])
        api.reindex()
        written = api.report("1")
        checked(written[1].read_text(encoding="utf-8"))
        return written[0].read_text(encoding="utf-8").replace("\\", "")

    return write


def first(report: str) -> str:
    """The first line after the title."""
    return report.split("\n\n")[1].strip("*")


def line(report: str, name: str) -> str:
    """A line of the checklist."""
    wanted = text.say(f"checklist.{name}")
    return next(
        row for row in report.splitlines() if row.startswith("|") and f"| {wanted} |" in row
    )


def test_a_run_that_was_never_asked_is_not_called_good(told: Told) -> None:
    report = told()
    assert first(report) == text.say("report.first.not_scored")
    assert "huohou eval 1" in report
    assert "✗" in line(report, "asked") and "?" in line(report, "base")


@pytest.mark.parametrize(
    ("scored", "key", "state"),
    [
        (BETTER, "Training helped", "✓"),
        (card(0.2, 0.2, (0.0, -0.1, 0.1)), "did not make it better", "✗"),
        (card(0.1, 0.5, (-0.4, -0.6, -0.2)), "made it worse", "✗"),
        (card(0.9, None, None), "not known whether training helped", "?"),
        (card(0.99, 0.1, (0.89, 0.8, 0.95), on="train"), "learnt by heart", "✓"),
    ],
)
def test_the_first_line_says_what_the_score_shows(
    told: Told, scored: Scorecard, key: str, state: str
) -> None:
    report = told(scored)
    assert key in first(report)
    assert state in line(report, "base")


def test_inventions_and_missed_criteria_come_at_once(told: Told) -> None:
    missed = GateResult("facts.accuracy", 0.95, None, 0.9, False)
    report = told(card(0.9, 0.1, (0.8, 0.6, 0.9), invented=0.25, gates=(missed,)))
    head = report.partition("## ")[0]
    assert "10 of 40 answers" in head and "facts.accuracy" in head
    assert "✗" in line(report, "invented") and "✗" in line(report, "gates")
    assert "--mode grounded" in report.partition("## Checklist")[0]


def test_a_score_is_told_with_what_it_takes_to_count_it_again(told: Told) -> None:
    bleu = Metric("text.bleu", "as sacrebleu", 41.5, 38.0, 45.0, 40, unit="points")
    counted = replace(bleu, tokenisation="sacrebleu zh", settings="nrefs:1|tok:zh")
    report = told(replace(BETTER, metrics=(*BETTER.metrics, counted)))
    row = next(row for row in report.splitlines() if row.startswith("- text.bleu: "))
    assert row.endswith("Cut into: sacrebleu zh. Settings: nrefs:1|tok:zh.")
    plain = next(row for row in report.splitlines() if row.startswith("- answers.stop: "))
    assert "Cut into" not in plain and "Settings" not in plain


def test_a_failed_run_says_why_and_how_to_go_on(told: Told) -> None:
    report = told(BETTER, state="failed", error="disk full\nmore lines", model=False)
    assert first(report) == "This run did not come to its end: failed. disk full"
    assert "huohou resume 1" in report
    assert "✗" in line(report, "finished") and "✗" in line(report, "files")


def test_a_sound_run_has_its_lines_done(told: Told) -> None:
    report = told(BETTER)
    for name in (
        "finished",
        "falls",
        "watched",
        "accuracy",
        "files",
        "asked",
        "base",
        "invented",
        "stops",
    ):
        assert "✓" in line(report, name), name
    assert "–" in line(report, "resumed") and "–" in line(report, "gates")
    assert "3.03" in line(report, "falls") and "0.85" in line(report, "watched")


def test_a_loss_is_never_called_low_enough(told: Told) -> None:
    report = told(BETTER, lives=[[3.0 * 0.9**i for i in range(60)]])
    assert "?" in line(report, "loss") and "no loss that every model has to reach" in report


def test_a_restart_that_calls_itself_a_resume_is_found(told: Told) -> None:
    report = told(BETTER, lives=[LOSS, LOSS])
    assert "✗" in line(report, "resumed") and "silent-restart" in line(report, "resumed")


def test_a_run_that_went_on_is_told_with_both_losses(told: Told) -> None:
    report = told(BETTER, lives=[LOSS[:30], LOSS[30:]], begins=[0, 30])
    row = line(report, "resumed")
    assert "✓" in row and f"{LOSS[29]:.4g}" in row and f"{LOSS[30]:.4g}" in row
    assert text.say("report.timeline.queued") in report


def test_no_evaluation_rows_are_told(told: Told) -> None:
    report = told(eval_rows=False, evals=[])
    assert "✗" in line(report, "apart") and "✗" in line(report, "watched")


def test_the_report_is_the_same_in_both_languages(told: Told, tmp_path: Path) -> None:
    english = told(BETTER)
    text.use("zh")
    try:
        api.report("1", folder=tmp_path / "zh")
        names = [text.say(f"checklist.{item.name}") for item in ITEMS]
    finally:
        text.use(None)
    chinese = (tmp_path / "zh" / "report.md").read_text(encoding="utf-8")
    assert all(name in chinese for name in names)
    assert chinese.count("\n## ") == english.count("\n## ")
    assert chinese.count("\n|") == english.count("\n|")
    drawn = (tmp_path / "zh" / "report.html").read_text(encoding="utf-8")
    assert '<html lang="zh">' in drawn and "训练有效" in drawn


def test_a_log_that_was_taken_in_has_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUOHOU_HOME", str(tmp_path / "runs"))
    sample = Path(__file__).parents[2] / "docs" / "samples" / "triage" / "trainer_state.json"
    api.import_log(sample)
    report = api.report("last")[0].read_text(encoding="utf-8").replace("\\", "")
    assert first(report) == text.say("report.first.imported")
    assert "?" in line(report, "data") and "✗" in line(report, "watched")


def test_every_line_is_judged_of_an_empty_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUOHOU_HOME", str(tmp_path / "runs"))
    folder = run(tmp_path, 1, lives=[[]], state="failed", error="broke", model=False, evals=[])
    from huohou.diagnose.engine import diagnose
    from huohou.record.readers import read

    record = read(folder)
    part = Part(folder, Plan.load(folder / "plan.json"), record, diagnose(record))
    lines = judged(part)
    assert [item.name for item, _ in lines] == [item.name for item in ITEMS]
    assert {item.phase for item, _ in lines} == set(PHASES)
    assert all(found.text.strip() for _, found in lines)
    assert first_line(part).kind == "error" and next_steps(part).items


def test_a_report_that_is_there_is_not_replaced_elsewhere(told: Told, tmp_path: Path) -> None:
    told()
    api.report("1", folder=tmp_path / "out")
    with pytest.raises(UsageError):
        api.report("1", folder=tmp_path / "out")


@given(st.integers(0, 200), st.binary(max_size=20))
def test_a_cut_or_longer_file_of_weights_is_not_whole(
    tmp_path_factory: pytest.TempPathFactory, cut: int, more: bytes
) -> None:
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    whole = weights()
    written = whole[:cut] + more
    path.write_bytes(written)
    told = len(whole) - 64  # the header, which says how many bytes there are
    assert is_whole(path) is (len(written) == len(whole) and written[:told] == whole[:told])


def test_what_is_folded_is_in_both() -> None:
    blocks = [Folded("more", ["<b>one</b>"]), Table(["a"], [["x"]], ["good"])]
    assert "- \\<b>one\\</b>" in markdown(blocks)
    drawn = page("t", "", blocks)
    assert "<details><summary>more</summary>" in drawn and '<tr class="good">' in drawn
