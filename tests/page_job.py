"""Jobs for tests of the page: folders as a training writes them, whole or growing."""

import csv
import io
import math
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from huohou import config
from huohou.plan import Choice, DataPart, Plan, Prediction
from huohou.record.events import Event, dumps
from huohou.record.finding import Advice, Evidence, Finding
from huohou.record.recorder import Journal, Recorder
from huohou.record.store import Store
from waiting import PATIENCE

BEGAN = 1_780_000_000.0  # unix seconds at which written jobs began
SEED_LOSS = 2.5
OVERFIT = Finding(
    code="overfit",
    severity="warning",
    tier="log",
    title="Overfitting: the evaluation loss rises",
    why="the rows are learnt by heart",
    evidence=(Evidence("the evaluation loss was least here", step=40, value=1.1),),
    advice=(Advice("train for fewer epochs", {"train.num_epochs": 2}),),
    reference="a test",
)


def plan_of(name: str, steps: int, epochs: float) -> Plan:
    """A plan as `huohou plan` makes it, for a job of so many updates."""
    part = DataPart("train.jsonl", "messages", steps, 40 * steps, 20 * steps, "0" * 64)
    settings = dict(config.load(environment={}).table())
    settings["train.num_epochs"] = replace(settings["train.num_epochs"], value=epochs)
    return Plan(
        name=name,
        recipe="sft",
        model="tiny",
        settings=settings,
        train=part,
        eval=None,
        device=Choice("cpu", "there is no other"),
        dtype=Choice("float32", "it is fast here"),
        template="0" * 64,
        prediction=Prediction(steps, 40 * steps, 0.0, 10, 100, 1000, 1.0, 5_000_000),
    )


def loss_at(step: int) -> float:
    """A training loss that falls and trembles, the same for all jobs."""
    return SEED_LOSS * math.exp(-step / 60) + 0.2 + 0.03 * math.sin(step * 1.7)


def written(
    workspace: Path,
    number: int = 1,
    name: str = "bank codes",
    *,
    steps: int = 100,
    state: str = "completed",
    evals: int = 5,
    findings: tuple[Finding, ...] = (),
    error: str | None = None,
    log: str = "loading\ntraining\n",
    series: Mapping[str, float] = MappingProxyType({}),
) -> Path:
    """The folder of a job that has ended, one point a step over two epochs, a second each.

    steps: points; evals: evaluations, evenly spread, each with a checkpoint; series: further ones,
    flat. Returns the folder.
    """
    folder = _folder(workspace, number, name)
    plan = plan_of(name, steps, 2.0)
    plan.save(folder / "plan.json")
    (folder / "train.log").write_text(log, encoding="utf-8")
    queued = {"id": number, "name": name, "recipe": "sft", "base_model": "tiny"}
    facts: Event = {"epochs": 2.0, "updates": steps, "plan": plan.as_dict()}
    end: Event = {"state": state} | ({"error": error} if error else {})
    journal = [
        _event(-2, "queued", **queued, **facts),
        _event(-1, "state", state="starting"),
        _event(-1, "segment", pid=1, supervisor=1, host=socket.gethostname()),
        _event(0, "state", state="running"),
        *(_event(steps, "finding", **one.as_dict()) for one in findings),
        _event(steps + 1, "state", **end),
    ]
    _write(folder / "job.jsonl", journal)
    _write(folder / "events.jsonl", _points(folder, steps, evals, state, series))
    (folder / "heartbeat").touch()
    return folder


def _points(
    folder: Path, steps: int, evals: int, state: str, series: Mapping[str, float]
) -> Iterator[Event]:
    yield _event(0, "start", updates=steps, epochs=2.0)
    every = max(steps // evals, 1) if evals else steps + 1
    for step in range(1, steps + 1):
        at = {"step": step, "epoch": 2.0 * step / steps}
        values = {"loss": loss_at(step), "learning_rate": 1e-3 * (1 - step / (steps + 1))}
        values |= {"grad_norm": 1 + 0.1 * math.cos(step), "tokens_per_second": 100.0}
        yield _event(step, "metrics", **at, **values, **series)
        if step % every == 0:
            place = folder / "checkpoints" / f"checkpoint-{step}"
            place.mkdir(parents=True)
            yield _event(step, "eval", **at, eval_loss=loss_at(step) + 0.1)
            yield _event(step, "checkpoint", step=step, path=str(place))
    yield _event(steps + 1, "end", state=state)


class Living:
    """A job whose training and supervisor are the test itself: what it says appears at once.

    The locks on its files are held as by a real one, so nobody takes it for dead.
    """

    def __init__(self, folder: Path, journal: Journal, recorder: Recorder, steps: int) -> None:
        self.folder, self.journal, self.recorder, self.steps = folder, journal, recorder, steps
        self.step = 0

    def point(self, **values: float) -> None:
        """The next step's point, with a loss like that of written jobs unless told."""
        self.step += 1
        told = {"loss": loss_at(self.step), "learning_rate": 1e-3, "tokens_per_second": 100.0}
        self.recorder.metrics(self.step, 2.0 * self.step / self.steps, **(told | values))
        _beat(self.folder)

    def points(self, count: int) -> None:
        for _ in range(count):
            self.point()

    def evaluate(self, loss: float) -> None:
        self.recorder.eval(self.step, 2.0 * self.step / self.steps, eval_loss=loss)

    def say(self, line: str) -> None:
        """A line in train.log, as the training prints it."""
        with (self.folder / "train.log").open("a", encoding="utf-8") as out:
            out.write(line + "\n")

    def end(self, state: Any = "completed", **facts: Any) -> None:
        self.recorder.end(state, **facts)
        self.journal.state(state, **facts)


@contextmanager
def living(
    workspace: Path, number: int = 1, name: str = "bank codes", *, steps: int = 100
) -> Iterator[Living]:
    """A job that runs as long as this lasts, without a point yet."""
    folder = _folder(workspace, number, name)
    plan = plan_of(name, steps, 2.0)
    plan.save(folder / "plan.json")
    (folder / "train.log").touch()
    _beat(folder)
    with Journal(folder / "job.jsonl", 0) as journal, Recorder(folder / "events.jsonl") as recorder:
        journal.queued(number, name, "sft", "tiny", epochs=2.0, updates=steps, plan=plan.as_dict())
        journal.state("starting")
        journal.segment(pid=1, supervisor=1, host=socket.gethostname())
        journal.state("running")
        recorder.start(updates=steps, epochs=2.0)
        yield Living(folder, journal, recorder, steps)


def _folder(workspace: Path, number: int, name: str) -> Path:
    from huohou.record.workspace import slug

    folder = workspace / f"{number}-{slug(name)}"
    folder.mkdir(parents=True)
    return folder


def _beat(folder: Path) -> None:
    """A sign of life. It holds for as long as a test may take: one that stands still for half a
    minute is no job that does."""
    until = time.time() + PATIENCE
    beat = folder / "heartbeat"
    beat.touch()
    os.utime(beat, (until, until))


def _event(second: float, kind: str, **fields: Any) -> Event:
    return {"t": BEGAN + second, "seg": 0, "kind": kind, **fields}


def _write(path: Path, events: Any) -> None:
    path.write_bytes(b"".join(map(dumps, events)))


class Jobs:
    """Jobs in the workspace of this file's one server, each with a number of its own."""

    def __init__(self, workspace: Path) -> None:
        self.workspace, self.number = workspace, 0

    def written(self, **about: Any) -> Path:
        """A job that has ended."""
        self.number += 1
        folder = written(self.workspace, self.number, **about)
        Store(self.workspace).take_in(folder)
        return folder

    @contextmanager
    def living(self) -> Iterator[Living]:
        """A job that runs as long as this lasts."""
        self.number += 1
        with living(self.workspace, self.number) as job:
            Store(self.workspace).take_in(job.folder)
            yield job


def words(page: Any, chart: str = "loss") -> str:
    """What a chart says of itself."""
    return str(page.get_by_test_id(f"chart-{chart}").locator("[id$=-words]").inner_text())


def rows(page: Any, chart: str = "loss") -> list[list[str]]:
    """The chart as the CSV that it offers; head first."""
    place = page.get_by_test_id(f"chart-{chart}")
    place.get_by_test_id("export").locator("summary").click()
    with page.expect_download() as saving:
        place.get_by_test_id("save-csv").click()
    text = Path(saving.value.path()).read_text(encoding="utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def steps(table: list[list[str]], series: str = "loss") -> list[int]:
    return [int(row[2]) for row in table if row[0] == series]
