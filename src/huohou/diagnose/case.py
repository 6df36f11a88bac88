"""What a rule is given: the record, and plan, data and probe results where there are any.

A Case reads the record as a doctor does: the *course* of a series is what led to the weights at
the end. Where a training was started again or taken up at a checkpoint, what came after that
place in the earlier life is no part of it.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from huohou.diagnose.scores import of_embeddings
from huohou.record.columns import Floats, Marks, Point, Series
from huohou.record.record import Record

Objective = Literal["likelihood", "preference", "reward"]

BEGINS_LATE = 4  # times as far from the start as its lines are apart: a log's first line
_HUGE = 1e30  # beyond this a value is an overflow that has not happened yet
_OF_TRAINING = re.compile(r"(?:^|_)(?:train|training|trainset)(?:_|$)")
# What an evaluation took and how much of what it was made of, not how good the answers were.
_QUALITY = re.compile(
    r"loss|acc|ppl|perplex|f1|bleu|rouge|mrr|ndcg|recall|precision|reward|score|error|match|per_"
    r"|nll|entropy|chrf|meteor|spearman|pearson|cosine|(?:^|_)(?:auc|map|mse|mae|rmse|wer|cer|em|bpb"
    r"|bpc|exact|correct|solved|hits?|sim|kl|margins?|elo|win\w*|pass(?:ed)?)(?:@\d+|_|$)"
)
_NO_METRIC = re.compile(
    r"(?:^|_)(?:runtime|per_second|time|seconds|duration|elapsed|throughput|speed|flos|memory|mem"
    r"|epoch|step|steps|batch|batches|batch_size|sample|samples|row|rows|example|examples|count"
    r"|counts|size|num|number|num_\w+|n_\w+|token|tokens|word|words|char|chars|len|lens|length"
    r"|lengths|(?:mean|avg|max|min|gen|prompt|answer|output|response)_(?:len|length|tokens)"
    r"|learning_rate|lr|seed|version|timestamp)$"
)


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
    _courses: dict[str, Series] = field(default_factory=dict, init=False, repr=False)
    _finite: dict[str, Series] = field(default_factory=dict, init=False, repr=False)

    def course(self, name: str) -> Series:
        """Points of a series on the way to the last weights, NaN and infinities included."""
        if name not in self._courses:
            points = self.record.points(name)
            if self._starts:
                points = points.take(points.places < self._taken_back(points))
            self._courses[name] = points
        return self._courses[name]

    def finite(self, name: str) -> Series:
        """The course without NaN, infinities and values on the way there."""
        if name not in self._finite:
            points = self.course(name)
            good = sane(points.values)
            self._finite[name] = points if good.all() else points.take(good)
        return self._finite[name]

    @cached_property
    def loss(self) -> Series:
        """The course of the training loss, finite points."""
        return self.finite("loss")

    @cached_property
    def losses(self) -> list[float]:
        """Values of ``loss``."""
        found: list[float] = self.loss.values.tolist()
        return found

    @cached_property
    def eval_name(self) -> str:
        """Name of the evaluation loss: ``eval_loss``, else the longest ``eval_SET_loss`` of rows
        that are not those of the training."""
        names = [n for n in self.record.series if n.startswith("eval_") and n.endswith("_loss")]
        names = [n for n in names if not of_training(n)]
        if "eval_loss" in names or not names:
            return "eval_loss"
        return max(names, key=lambda name: len(self.record.points(name)))

    @cached_property
    def evals(self) -> Series:
        """The course of the evaluation loss, finite points."""
        return self.finite(self.eval_name)

    def tells(self, name: str) -> bool:
        """Whether a series of an evaluation says how good the answers were: by its name, and where
        that is none of a known measure, because it changes. What is the same each time, or a single
        whole number, is a count or a setting."""
        if not is_measure(name) or of_training(name):
            return False
        values = self.course(name).values
        if is_known_measure(name) or not len(values):
            return True
        if len(values) == 1:
            return not (values[0] > 1 and float(values[0]).is_integer())
        return len(np.unique(values)) > 1

    @cached_property
    def evaluations(self) -> int:
        """Times the run was evaluated, by any measure; twice at one place counts once. Measures of
        the training rows are none."""
        series = self.record.series
        named = [n for n in series if n.startswith("eval_") or "loss" not in series]
        measures = [n for n in named if self.tells(n)]
        during = max((_places(self.course(name)) for name in measures), default=0)
        return during + bool(self.record.facts.get("after_training"))

    @cached_property
    def epochs(self) -> float | None:
        """Passes over the rows done, None where the log does not say."""
        known = self.course("loss").epochs
        known = known[~np.isnan(known)]
        return float(known.max()) if len(known) else None

    @cached_property
    def updates(self) -> int | None:
        """Optimizer updates done, None where the log does not count them."""
        if self.record.facts.get("rows_counted"):
            return None
        ends = [course[-1].step for name in self.record.series if (course := self.course(name))]
        done = self.record.facts.get("global_step")
        return max((step for step in (*ends, done) if step is not None), default=None)

    @cached_property
    def logged_updates(self) -> int | None:
        """The updates that the log itself tells of: those done, less what came before its first
        line where that line is several lines' worth away from the start. A count of steps that was
        taken over from another run has such a gap."""
        done, steps = self.updates, [p.step for p in self.course("loss")[:3] if p.step is not None]
        if done is None or len(steps) < 2 or len(self.record.segments()) > 1:
            return done
        gap = steps[1] - steps[0]
        return done - steps[0] + gap if gap > 0 and steps[0] > BEGINS_LATE * gap else done

    @property
    def planned(self) -> int | None:
        """Updates the whole run is to make, None where the log does not say."""
        facts = self.record.facts
        known: int | None = facts.get("max_steps") or facts.get("updates")
        return known if known and known >= 1 else None

    def is_short_of(self, part: float) -> bool:
        """Whether fewer than this part of the planned updates were made, as far as is known."""
        planned, done = self.planned, self.updates
        return bool(planned and done is not None and done < part * planned)

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

    @cached_property
    def embedding(self) -> bool:
        """Whether embeddings are trained or scored: a contrast, a ranking, scores of retrieval."""
        return of_embeddings(self.record)

    def peak_rate(self) -> float | None:
        """The highest learning rate of the course."""
        rates = self.finite("learning_rate").values
        return float(rates.max()) if len(rates) else None

    def kept(self) -> Point | None:
        """The lowest evaluation loss that has a checkpoint on the disk, where that is known."""
        steps = set(self.record.facts.get("checkpoints") or ())
        saved = self.evals.take(np.isin(self.evals.steps, list(steps)))
        return saved[int(saved.values.argmin())] if saved else None

    def near(self, name: str, point: Point) -> Point | None:
        """The point of another series at the same place or the last before it."""
        course = self.course(name)
        before = np.flatnonzero(course.places <= place(point))
        return course[int(before[-1])] if len(before) else None

    def _taken_back(self, points: Series) -> Floats:
        """For each point the first place that a later process life than its own began at."""
        lives = sorted(self._starts)
        starts = np.array([*(self._starts[seg] for seg in lives), math.inf])
        soonest = np.minimum.accumulate(starts[::-1])[::-1]  # of this life and the later ones
        return soonest[np.searchsorted(lives, points.segs) + 1]

    @cached_property
    def _starts(self) -> dict[int, float]:
        """Process life to the place it begins at; empty where there is one life only."""
        if len(self.record.segments()) < 2:
            return {}
        starts: dict[int, float] = {}
        for name in self.record.series:
            points = self.record.points(name)
            segs, which = np.unique(points.segs, return_inverse=True)
            firsts = np.full(len(segs), math.inf)
            known = points.places > -math.inf
            np.minimum.at(firsts, which[known], points.places[known])
            for seg, first in zip(segs.tolist(), firsts.tolist(), strict=True):
                starts[int(seg)] = min(first, starts.get(int(seg), math.inf))
        return starts


def is_measure(name: str) -> bool:
    """Whether a series of an evaluation says how good the answers were, by its name, and not only
    how long it took or how much there was.

    >>> [is_measure(n) for n in ("eval_loss", "eval_bleu", "eval_gen_len", "eval_samples")]
    [True, True, False, False]
    """
    plain = name.removeprefix("eval_")
    return _NO_METRIC.search(plain) is None or is_known_measure(name)


def is_known_measure(name: str) -> bool:
    """Whether the name of a series is one of a known measure.

    >>> [is_known_measure(n) for n in ("eval_mean_reward", "eval_judge_requests", "eval_auc")]
    [True, False, True]
    """
    plain = name.removeprefix("eval_")
    return _QUALITY.search(plain) is not None and not plain.endswith("per_second")


def of_training(name: str) -> bool:
    """Whether an evaluation is one of the training rows, by the name of its series.

    >>> of_training("eval_train_loss"), of_training("eval_loss"), of_training("eval_strain_loss")
    (True, False, False)
    """
    return bool(_OF_TRAINING.search(name.removeprefix("eval_")))


def _places(points: Series) -> int:
    """How many different places points stand at; all of them where they do not say."""
    places = points.places
    known = places[places > -math.inf]
    return len(np.unique(known)) + len(places) - len(known)


def sane(values: Floats) -> Marks:
    """Which values can be worked with: no NaN, not infinite or about to be."""
    return np.abs(values) < _HUGE


def place(point: Point) -> float:
    """Where a point stands: its step, else its epoch, else before everything."""
    if point.step is not None:
        return point.step
    return point.epoch if point.epoch is not None else -math.inf
