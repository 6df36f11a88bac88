"""What a watcher sees: times of epochs, sparklines, the view, and where its events come from."""

import json
import math
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huohou import text
from huohou.cli._table import width
from huohou.cli._watch import clean, cut, lines, spark
from huohou.errors import DataError
from huohou.jobs import sources, trace
from huohou.jobs.epochs import EpochTimes
from huohou.jobs.progress import Progress
from huohou.jobs.sources import ForeignLog, JobFiles
from huohou.jobs.trace import Trace, mean_of
from huohou.jobs.watching import View
from huohou.record.readers import read
from huohou.record.record import Record
from huohou.record.recorder import Journal, Recorder


def metrics(t: float | None, epoch: float | None, **more: Any) -> dict[str, Any]:
    return {"t": t, "seg": 0, "kind": "metrics", "step": None, "epoch": epoch} | more


# Epochs


def test_time_is_shared_among_epochs() -> None:
    times = EpochTimes()
    times.see({"t": 100.0, "kind": "start"})
    for event in (metrics(110.0, 0.5), metrics(130.0, 1.5), metrics(150.0, 2.0)):
        times.see(event)
    assert times.seconds == {1: 20.0, 2: 30.0}
    assert times.ended == {1: 120.0, 2: 150.0}
    times.see({"t": 155.0, "kind": "eval", "step": 1, "epoch": 2.0})
    assert (times.seconds[2], times.ended[2]) == (35.0, 155.0)


def test_what_a_resumed_run_does_again_is_counted_again() -> None:
    times = EpochTimes()
    times.see({"t": 0.0, "kind": "start"})
    times.see(metrics(60.0, 1.2))
    times.see({"t": 1000.0, "kind": "start"})
    times.see(metrics(1010.0, 1.0))
    times.see(metrics(1030.0, 2.0))
    assert times.seconds == {1: pytest.approx(60.0), 2: pytest.approx(30.0)}
    assert sum(times.seconds.values()) == pytest.approx(90.0)  # the pause is nobody's


STEPS = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 3)), min_size=1, max_size=30)


@given(STEPS)
def test_no_second_is_lost_or_doubled(steps: list[tuple[float, float]]) -> None:
    times = EpochTimes()
    times.see({"t": 0.0, "kind": "start"})
    t = epoch = 0.0
    for seconds, more in steps:
        t, epoch = t + seconds, epoch + more
        times.see(metrics(t, epoch))
    assert sum(times.seconds.values()) == pytest.approx(t, abs=1e-6)
    assert set(times.ended) <= set(range(1, math.floor(epoch) + 1))


def test_logs_without_times_or_epochs() -> None:
    times = EpochTimes()
    for event in (metrics(None, 1.0), metrics(5.0, None), metrics(5.0, math.nan)):
        times.see(event)
    assert times.seconds == {}


# Sparklines


@given(st.lists(st.floats(-1e6, 1e6), max_size=3000))
def test_a_trace_keeps_the_mean_in_little_room(values: list[float]) -> None:
    kept = Trace()
    for value in values:
        kept.add(value)
    assert kept.count == len(values)
    assert len(kept.values()) <= 2 * trace.SIZE
    assert kept.lowest == min(values, default=None)
    if 0 < len(values) < 2 * trace.SIZE:
        assert kept.values() == values


def test_a_spark_shows_what_is_no_number() -> None:
    kept = Trace()
    for value in (3.0, 2.0, math.nan, 1.0, 0.0, math.inf):
        kept.add(value)
    assert spark(kept, 6) == "█▆×▃▁×"
    assert spark(kept, 3) == "▁××"
    assert mean_of([1.0], 5) == [1.0]
    level = Trace()
    level.add(0.0)
    assert spark(level, 5) == "▁"


# The view


class Shown:
    """A watch whose run printed what we say."""

    def __init__(self, view: View, printed: list[str]) -> None:
        self.view, self._printed = view, printed

    def tail(self, count: int) -> list[str]:
        return self._printed[-count:]


def a_view() -> View:
    view = View("x")
    now = time.time() - 600
    plan = {"prediction": {"seconds": 1000.0}}
    job = {"id": 23, "name": "行号 codes", "recipe": "sft", "base_model": "smollm2-135m"}
    view.see(
        {"t": now, "seg": 0, "kind": "queued", **job, "updates": 500, "epochs": 10.0, "plan": plan}
    )
    for state in ("starting", "running"):
        view.see({"t": now, "seg": 0, "kind": "state", "state": state})
    view.see({"t": now, "seg": 0, "kind": "start", "updates": 500, "epochs": 10.0})
    for step in range(1, 251):
        values = {"loss": 3 / step, "learning_rate": 2e-4, "tokens_per_second": 812.0}
        view.see(metrics(now + 2 * step, step / 50, **values) | {"step": step})
    view.see(
        {"t": now + 501, "seg": 0, "kind": "eval", "step": 250, "epoch": 5.0, "eval_loss": 0.5}
    )
    view.see({"t": now, "seg": 0, "kind": "alert", "level": "warning", "text": "注意 " * 40})
    finding = {"code": "nan-loss", "severity": "error", "title": "no number"}
    view.see({"t": now, "seg": 0, "kind": "finding", **finding})
    return view


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("columns", "rows"), [(79, 23), (39, 10), (20, 4), (200, 60)])
def test_the_view_fits(language: str, columns: int, rows: int) -> None:
    text.use(language)
    shown = lines(Shown(a_view(), ["载入 " * 50, "\x1b[31mred\x07"] * 9), columns, rows)  # type: ignore[arg-type]
    assert len(shown) <= rows
    assert max(width(line) for line, _ in shown) <= columns
    assert not any("\x1b" in line or "\x07" in line for line, _ in shown)


def test_the_view_says_it_all() -> None:
    shown = "\n".join(line for line, _ in lines(Shown(a_view(), ["step 7"]), 79, 30))  # type: ignore[arg-type]
    for words in (
        "Run 23 (行号 codes)  running  sft  smollm2-135m",
        "update 250 of 500  epoch 5.00 of 10",
        " 50%",
        " s left (until",
        "planned 16 min 40 s",
        "train loss  0.012",
        "eval loss   0.5",
        "lr 0.0002  812 tokens/s",
        "    4  1 min 40 s  1 min 40 s",
        "(expected)",
        "eval at update 250, epoch 5: loss 0.5",
        "error  nan-loss: no number",
        "step 7",
    ):
        assert words in shown, shown


def test_a_view_without_numbers() -> None:
    shown = lines(Shown(View("x"), []), 40, 10)  # type: ignore[arg-type]
    assert [line for line, _ in shown] == ["x", "no numbers yet"]


@given(st.text(), st.integers(0, 30))
def test_cut(words: str, columns: int) -> None:
    assert width(cut(words, columns)) <= columns
    assert words.startswith(cut(words, columns))
    assert all(c == "\xad" or c.isprintable() or c.isspace() or c > "\xff" for c in clean(words))


def test_progress_of_a_log_without_steps_or_times() -> None:
    progress = Progress()
    progress.see(metrics(None, 1.0, loss=2.0))
    progress.see(metrics(None, None, loss=1.0))
    assert (progress.step, progress.epoch, progress.values) == (0, 1.0, {"loss": 1.0})
    assert progress.finish_at is None


def test_when_a_step_will_be_done() -> None:
    progress = Progress()
    progress.see({"t": 0.0, "kind": "start", "updates": 100, "epochs": 10.0})
    for step in range(1, 21):
        progress.see(metrics(2.0 * step, step / 10) | {"step": step})
    assert progress.reached_at(30) == pytest.approx(60.0)
    assert progress.finish_at == pytest.approx(200.0)


# Sources


def test_both_files_of_a_job_in_order(tmp_path: Path) -> None:
    with Journal(tmp_path / "job.jsonl", 0) as journal, Recorder(tmp_path / "events.jsonl") as run:
        journal.queued(1, "x", "sft", "m")
        source = JobFiles(tmp_path)
        assert [e["kind"] for e in source.poll()] == ["queued"]
        run.start()
        time.sleep(0.002)
        journal.state("running")
        time.sleep(0.002)
        run.metrics(1, 0.1, loss=1.0)
        time.sleep(0.002)
        journal.state("completed")
    assert [e["kind"] for e in source.poll()] == ["start", "state", "metrics"]
    assert [e.get("state") for e in source.poll()] == ["completed"]
    assert source.poll() == []
    (tmp_path / "train.log").write_text("a\nb\n")
    assert source.tail(1) == ["b"]


def rows(count: int, **more: Any) -> str:
    history = [{"step": i, "epoch": i / 10, "loss": 1 / i} for i in range(1, count + 1)]
    return json.dumps({"global_step": count, "max_steps": 20, "log_history": history, **more})


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LOOK", 0.0)
    monkeypatch.setattr(sources, "SHARE", 1e9)


@pytest.mark.usefixtures("quick")
def test_a_foreign_log_that_grows_and_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "trainer_state.json"
    path.write_text(rows(3))
    source = ForeignLog(path)
    first = source.poll()
    assert [e["kind"] for e in first] == ["start", "metrics", "metrics", "metrics"]
    assert (first[0]["updates"], first[-1]["step"], first[-1]["loss"]) == (20, 3, 1 / 3)
    assert source.poll() == []
    path.write_text(rows(4)[:-30])  # half written
    assert source.poll() == []
    path.write_text(rows(5))
    assert [e["step"] for e in source.poll() if e["kind"] == "metrics"] == [4, 5]
    path.write_text(rows(2))
    assert [e["kind"] for e in source.poll()] == ["reset", "start", "metrics", "metrics"]
    view = View("x")
    view.see(metrics(1.0, 9.0, loss=5.0))
    view.see({"t": None, "kind": "reset"})
    assert view.traces["loss"].count == 0


@pytest.mark.usefixtures("quick")
def test_a_folder_with_a_newer_checkpoint(tmp_path: Path) -> None:
    for step in (2, 10):
        (tmp_path / f"checkpoint-{step}").mkdir()
    (tmp_path / "checkpoint-2" / "trainer_state.json").write_text(rows(2))
    source = ForeignLog(tmp_path)
    assert [e["step"] for e in source.poll()[1:]] == [1, 2]
    (tmp_path / "checkpoint-10" / "trainer_state.json").write_text(rows(10))
    # the checkpoints on the disk are a fact, so the start is told again
    assert [e["step"] for e in source.poll() if e["kind"] == "metrics"] == list(range(3, 11))


def test_no_log_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        ForeignLog(tmp_path / "none.jsonl").poll()


def test_a_log_that_is_rewritten_all_the_time_is_read_seldom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading takes no more than a share of a core, whatever the log's size."""
    path = tmp_path / "log.jsonl"
    path.write_text(rows(1))
    clock = {"now": 1000.0, "busy": 0.0}
    reads: list[float] = []

    def slowly(given: Path, reader: str | None) -> Record:
        reads.append(clock["now"])
        clock["busy"] += 2.0
        return read(given, reader)

    monkeypatch.setattr(sources, "read", slowly)
    monkeypatch.setattr(
        sources,
        "time",
        SimpleNamespace(monotonic=lambda: clock["now"], thread_time=lambda: clock["busy"]),
    )
    source = ForeignLog(path)
    source.poll()
    for second in range(1, 101):
        clock["now"] += sources.LOOK
        os.utime(path, (second, second))
        assert source.poll() == []
        # being behind, it is not idle, though nothing new is told yet
        assert source.has_more == (clock["now"] != reads[-1])
    assert reads == [1000.0, 1040.0, 1080.0]  # two seconds of work each, a twentieth of a core
