"""Numbers that were logged by name, each with its own steps, put together into series.

TensorBoard, W&B, MLflow and Trackio keep quantities by name. Which values belong to one row of
the log, and where a training was started again, is found here.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from huohou.record.columns import Floats, Rows, Series
from huohou.record.readers._rows import canonical, preference
from huohou.text import say

Places = NDArray[np.int64]

_TRAIN = ("train", "training")
_EVAL = ("eval", "evaluation", "val", "valid", "validation", "dev", "test")
_LAST = re.compile(rf"^(.+)[/. ]({'|'.join((*_TRAIN, *_EVAL))})$", re.IGNORECASE)
_KERAS = re.compile(r"^epoch_(?=[a-z])")
_ELSEWHERE = {
    "loss_metrics/global_avg_loss": "loss",  # torchtitan
    "validation_metrics/loss": "eval_loss",
    "reduced_train_loss": "loss",  # NeMo
    "lm-loss-training/lm loss": "loss",  # Megatron
}
_EPOCHS = ("epoch", "train_epoch", "trainer_epoch")
_NO_SERIES = (*_EPOCHS, "global_step", "train_global_step", "trainer_global_step", "hp_metric")
# The last row that transformers logs sums the run up: these are no points.
_SUMMARY = (
    "train_runtime",
    "train_samples_per_second",
    "train_steps_per_second",
    "train_tokens_per_second",
    "total_flos",
    "train_loss",
)


@dataclass(frozen=True, slots=True)
class Tag:
    """What was logged under one name.

    at: place in the log, over all names; step, time: NaN where they are not known; line: where
    it stands in the source; epoch: where the log says it itself.
    """

    at: Places
    step: Floats
    time: Floats
    value: Floats
    line: Floats
    epoch: Floats | None = None

    def take(self, which: NDArray[Any]) -> "Tag":
        """The points that are marked, or that stand at these indices."""
        step, time, value, line = (
            column[which] for column in (self.step, self.time, self.value, self.line)
        )
        epoch = None if self.epoch is None else self.epoch[which]
        return Tag(self.at[which], step, time, value, line, epoch)


@dataclass(frozen=True, slots=True)
class Together:
    """Series by their names in a Record, and what they say of the whole run."""

    series: dict[str, Series]
    facts: dict[str, Any]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _End:
    """Where the row stands that sums a run up, what it says, and the tags that it has."""

    at: int
    segment: int
    facts: dict[str, Any]
    tags: tuple[str, ...]


def together(tags: Mapping[str, Tag], restarts: Iterable[int] = ()) -> Together:
    """Series of what was logged by name.

    restarts: places in the log where another process begins, as the log itself says.
    """
    ordered, notes = _in_order(tags)
    begins = _restarts(ordered.values(), restarts)
    epochs = _epochs(ordered, begins)
    end = _end(ordered, begins)
    sums = end.tags if end else ()
    after: dict[str, float] = {}
    series: dict[str, Series] = {}
    for tag, name in names(name for name in ordered if name not in sums).items():
        points = _series(_in_epochs(tag, ordered[tag]), begins, epochs)
        if end is not None and name.startswith("eval_"):
            # What is evaluated after the last update judges whatever weights were loaded then.
            late = (ordered[tag].at > end.at) & (points.segs == end.segment)
            after |= {name: float(points.values[late][-1])} if late.any() else {}
            points = points.take(~late)
        if len(points):
            series[name] = points
    series, guess = _guessed(series)
    facts = (end.facts if end else {}) | ({"after_training": after} if after else {})
    return Together(series, facts, (*notes, *guess))


def in_time(tags: Mapping[str, Tag]) -> tuple[dict[str, Tag], Floats]:
    """Tags that come from several files in the order of time, and the times they are placed by."""
    clock = np.sort(np.concatenate([tag.time for tag in tags.values()] or [np.zeros(0)]))
    return {name: replace(t, at=np.searchsorted(clock, t.time)) for name, t in tags.items()}, clock


def names(tags: Iterable[str]) -> dict[str, str]:
    """Tags to names in a Record; the best fitting tag gets a name that several would have.

    >>> names(["train/loss", "eval/loss", "Accuracy/val", "train/token_acc", "lm loss validation"])
    {'train/loss': 'loss', 'eval/loss': 'eval_loss', 'Accuracy/val': 'eval_accuracy', \
'train/token_acc': 'token_acc', 'lm loss validation': 'lm loss validation'}
    """
    listed = list(tags)
    taken: dict[str, str] = {}
    used: set[str] = set()
    for tag in sorted(listed, key=preference):
        name = _name(tag)
        if name not in _NO_SERIES:
            taken[tag] = tag if name in used else name
            used.add(taken[tag])
    return {tag: taken[tag] for tag in listed if tag in taken}


def _name(tag: str) -> str:
    if tag in _ELSEWHERE:
        return _ELSEWHERE[tag]
    tag = _KERAS.sub("", tag)
    if match := _LAST.match(tag):
        return _of_split(match[2].lower(), match[1])
    head, _, rest = tag.partition("/")
    if rest and head.lower() in (*_TRAIN, *_EVAL):
        return _of_split(head.lower(), rest)
    return canonical(tag)


def _of_split(split: str, rest: str) -> str:
    """transformers logs x as train/x and eval_x as eval/x."""
    plain = canonical(rest) or rest
    if split in _TRAIN or plain.startswith("eval_"):
        return plain
    return f"eval_{rest}" if rest.startswith("train_") else f"eval_{plain}"


def _in_order(tags: Mapping[str, Tag]) -> tuple[dict[str, Tag], list[str]]:
    """Tags whose steps jump about all the time sorted by step; a few jumps back are restarts."""
    found, worst = dict(tags), 0
    for name, tag in tags.items():
        back = int((np.diff(tag.step) < 0).sum())
        if back > max(3, len(tag.step) // 10):
            worst = max(worst, back)
            order = np.argsort(tag.step, kind="stable")
            found[name] = replace(tag.take(order), at=np.sort(tag.at))
    return found, [say("reader.sorted", n=worst)] if worst else []


def _restarts(tags: Iterable[Tag], known: Iterable[int]) -> Places:
    """Places where the step goes back, each once: a restart shows in every tag."""
    begins = np.array(sorted(known), np.int64)
    jumps = [
        (int(tag.at[i + 1]), int(tag.at[i]))
        for tag in tags
        for i in np.flatnonzero(np.diff(tag.step) < 0).tolist()
    ]
    found: list[int] = []
    for after, before in sorted(jumps):
        explained = np.searchsorted(begins, (before, after), "right")
        if explained[0] == explained[1] and not (found and before < found[-1]):
            found.append(after)
    return np.sort(np.concatenate([begins, np.array(found, np.int64)]))


def _segments(tag: Tag, begins: Places) -> Places:
    return np.asarray(np.searchsorted(begins, tag.at, "right"), np.int64)


def _place(tag: Tag, begins: Places) -> Floats:
    """One number a point that is the same for the same step of the same segment."""
    return np.asarray(tag.step + _segments(tag, begins) * 2.0**40)


def _epochs(tags: Mapping[str, Tag], begins: Places) -> tuple[Floats, Floats] | None:
    """Places, sorted, and the epoch that was logged there."""
    logged = [tag for name, tag in tags.items() if canonical(name) in _EPOCHS]
    if not logged or not len(logged[0].value):
        return None
    places = _place(logged[0], begins)
    order = np.argsort(places, kind="stable")
    return places[order], logged[0].value[order]


def _series(tag: Tag, begins: Places, epochs: tuple[Floats, Floats] | None) -> Series:
    epoch = np.full(len(tag.value), np.nan) if tag.epoch is None else tag.epoch
    if epochs is not None and tag.epoch is None:
        known, logged = epochs
        places = _place(tag, begins)
        at = np.clip(np.searchsorted(known, places, "right") - 1, 0, len(known) - 1)
        epoch = np.where(known[at] == places, logged[at], np.nan)
    rows = Rows(tag.step, epoch, tag.time, _segments(tag, begins).astype(np.float64), tag.line)
    return Series(tag.value, rows, np.arange(len(tag.value), dtype=np.int32))


def _in_epochs(name: str, tag: Tag) -> Tag:
    """Keras counts epoch_loss in epochs, from 0."""
    if not _KERAS.match(name):
        return tag
    return replace(tag, epoch=tag.step + 1.0, step=np.full(len(tag.step), np.nan))


def _end(tags: Mapping[str, Tag], begins: Places) -> _End | None:
    """The last row of transformers' log, which sums the run up."""
    by_name = {name.removeprefix("train/"): name for name in tags}
    runtime = tags.get(by_name.get("train_runtime", ""))
    if runtime is None or not len(runtime.value):
        return None
    sums = {name: by_name[name] for name in _SUMMARY if name in by_name}
    summary = {name: float(tags[tag].value[-1]) for name, tag in sums.items()}
    facts: dict[str, Any] = {"summary": summary, "finished": True}
    if np.isfinite(runtime.step[-1]):
        facts["global_step"] = int(runtime.step[-1])
    return _End(int(runtime.at[-1]), int(_segments(runtime, begins)[-1]), facts, (*sums.values(),))


def _guessed(series: dict[str, Series]) -> tuple[dict[str, Series], list[str]]:
    """The only name with "loss" in it is the loss where none is known as that."""
    found: dict[str, str] = {}
    for wanted in ("loss", "eval_loss"):
        like = [
            name
            for name in series
            if "loss" in (words := re.split(r"[^a-z]+", name.lower()))
            and any(word in _EVAL for word in words) == (wanted == "eval_loss")
        ]
        if wanted not in series and len(like) == 1:
            found[like[0]] = wanted
    if not found:
        return series, []
    pairs = ", ".join(f"{name} = {tag!r}" for tag, name in found.items())
    renamed = {found.get(name, name): points for name, points in series.items()}
    return renamed, [say("reader.guess", pairs=pairs)]
