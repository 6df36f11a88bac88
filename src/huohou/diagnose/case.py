"""What a rule is given: the record, and plan, data and probe results where there are any.

A Case reads the record as a doctor does: the *course* of a series is what led to the weights at
the end. Where a training was started again or taken up at a checkpoint, what came after that
place in the earlier life is no part of it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from huohou.record.record import Point, Record

Objective = Literal["likelihood", "preference", "reward"]

_HUGE = 1e30  # beyond this a value is an overflow that has not happened yet
_NO_METRIC = ("_runtime", "_per_second", "_samples", "_steps", "_tokens", "_jit_compilation_time")


@dataclass(frozen=True)
class Case:
    """One run to be judged.

    plan: plan.json of our own run; data: results of the data checks; probe: what a model was
    seen to do. None where it is not known.
    """

    record: Record
    plan: Mapping[str, Any] | None = None
    data: Mapping[str, Any] | None = None
    probe: Mapping[str, Any] | None = None
    _courses: dict[str, tuple[Point, ...]] = field(default_factory=dict, init=False, repr=False)
    _finite: dict[str, tuple[Point, ...]] = field(default_factory=dict, init=False, repr=False)

    def course(self, name: str) -> tuple[Point, ...]:
        """Points of a series on the way to the last weights, NaN and infinities included."""
        if name not in self._courses:
            points = self.record.points(name)
            if self._starts:
                points = tuple(p for p in points if place(p) < self._taken_back(p.seg))
            self._courses[name] = points
        return self._courses[name]

    def finite(self, name: str) -> tuple[Point, ...]:
        """The course without NaN, infinities and values on the way there."""
        if name not in self._finite:
            points = self.course(name)
            bad = any(not sane(p.value) for p in points)
            self._finite[name] = tuple(p for p in points if sane(p.value)) if bad else points
        return self._finite[name]

    @cached_property
    def loss(self) -> tuple[Point, ...]:
        """The course of the training loss, finite points."""
        return self.finite("loss")

    @cached_property
    def losses(self) -> list[float]:
        """Values of ``loss``."""
        return [p.value for p in self.loss]

    @cached_property
    def eval_name(self) -> str:
        """Name of the evaluation loss: ``eval_loss``, else the longest ``eval_SET_loss``."""
        names = [n for n in self.record.series if n.startswith("eval_") and n.endswith("_loss")]
        if "eval_loss" in names or not names:
            return "eval_loss"
        return max(names, key=lambda name: len(self.record.points(name)))

    @cached_property
    def evals(self) -> tuple[Point, ...]:
        """The course of the evaluation loss, finite points."""
        return self.finite(self.eval_name)

    @cached_property
    def evaluations(self) -> int:
        """Times the run was evaluated, by any measure."""
        series = self.record.series
        named = [n for n in series if n.startswith("eval_") or "loss" not in series]
        measures = [n for n in named if not n.endswith(_NO_METRIC)]
        during = max((len(self.course(name)) for name in measures), default=0)
        return during + bool(self.record.facts.get("after_training"))

    @cached_property
    def epochs(self) -> float | None:
        """Passes over the rows done, None where the log does not say."""
        return max((p.epoch for p in self.course("loss") if p.epoch is not None), default=None)

    @cached_property
    def updates(self) -> int | None:
        """Optimizer updates done, None where the log does not count them."""
        if self.record.facts.get("rows_counted"):
            return None
        ends = [course[-1].step for name in self.record.series if (course := self.course(name))]
        done = self.record.facts.get("global_step")
        return max((step for step in (*ends, done) if step is not None), default=None)

    @property
    def planned(self) -> int | None:
        """Updates the whole run is to make, None where the log does not say."""
        facts = self.record.facts
        known: int | None = facts.get("max_steps") or facts.get("updates")
        return known

    @property
    def finished(self) -> bool | None:
        """Whether the run came to its end, None where the log does not say."""
        known: bool | None = self.record.facts.get("finished")
        return known

    @cached_property
    def objective(self) -> Objective:
        """What the loss is: of a likelihood, a preference or a reward, by the other series."""
        names = set(self.record.series)
        if any(name.startswith("rewards/") for name in names):
            graded = {"rewards/chosen", "rewards/margins", "rewards/rejected"} & names
            return "preference" if graded else "reward"
        return "reward" if {"reward", "kl", "objective/kl"} & names else "likelihood"

    def peak_rate(self) -> float | None:
        """The highest learning rate of the course."""
        return max((p.value for p in self.finite("learning_rate")), default=None)

    def kept(self) -> Point | None:
        """The lowest evaluation loss that has a checkpoint on the disk, where that is known."""
        steps = set(self.record.facts.get("checkpoints") or ())
        saved = [p for p in self.evals if p.step in steps]
        return min(saved, key=lambda p: p.value, default=None)

    def near(self, name: str, point: Point) -> Point | None:
        """The point of another series at the same place or the last before it."""
        before = [p for p in self.course(name) if place(p) <= place(point)]
        return before[-1] if before else None

    def _taken_back(self, seg: int) -> float:
        """The first place that a later process life than this began at."""
        return min((at for later, at in self._starts.items() if later > seg), default=math.inf)

    @cached_property
    def _starts(self) -> dict[int, float]:
        """Process life to the place it begins at; empty where there is one life only."""
        ends = [(points[0].seg, points[-1].seg) for points in self.record.series.values() if points]
        if len({seg for pair in ends for seg in pair}) < 2:
            return {}
        starts: dict[int, float] = {}
        for points in self.record.series.values():
            for p in points:
                if (p.step, p.epoch) != (None, None):
                    starts[p.seg] = min(place(p), starts.get(p.seg, math.inf))
        return starts


def sane(value: float) -> bool:
    """Whether a value is a number that can be worked with: no NaN, not infinite or about to be."""
    return -_HUGE < value < _HUGE


def place(point: Point) -> float:
    """Where a point stands: its step, else its epoch, else before everything."""
    if point.step is not None:
        return point.step
    return point.epoch if point.epoch is not None else -math.inf
