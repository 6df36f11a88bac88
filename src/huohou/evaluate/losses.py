"""Losses of the job's own record, so that a gate can ask for them."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from huohou.evaluate.card import Metric
from huohou.evaluate.metrics import Unit
from huohou.record.events import Event, Follower
from huohou.record.workspace import EVENTS
from huohou.text import say

NAMES = ("loss.train", "loss.eval", "loss.gap")


def loss_metrics(folder: Path, eval_rows: int) -> list[Metric]:
    """``loss.train``, ``loss.eval`` and ``loss.gap`` as far as the job's events have them.

    train: mean over the epoch before the last evaluation (over the last epoch where there was no
    evaluation), since the loss of one update is noise; gap: (eval - train) / train.
    """
    events = list(_points(folder))
    evals = [(_epoch(e), float(e["eval_loss"])) for e in events if "eval_loss" in e]
    steps = [(_epoch(e), float(e["loss"])) for e in events if "loss" in e]
    if not steps:
        return []
    end = evals[-1][0] if evals else steps[-1][0]
    window = [loss for epoch, loss in steps if end - 1 < epoch <= end] or [steps[-1][1]]
    train = math.fsum(window) / len(window)
    found = [_metric("loss.train", train, len(window))]
    if evals:
        found.append(_metric("loss.eval", evals[-1][1], eval_rows))
    if evals and train != 0:
        found.append(_metric("loss.gap", (evals[-1][1] - train) / train, eval_rows, "ratio"))
    return found


def _points(folder: Path) -> Iterator[Event]:
    follower = Follower(folder / EVENTS)
    while piece := follower.poll():
        yield from (event for event in piece if event["kind"] in ("metrics", "eval"))


def _epoch(event: Mapping[str, object]) -> float:
    epoch = event.get("epoch")
    return float(epoch) if isinstance(epoch, int | float) else 0.0


def _metric(name: str, value: float, n: int, unit: Unit = "nats") -> Metric:
    return Metric(name, say(f"metric.{name}"), value, None, None, n, unit=unit, better="lower")
