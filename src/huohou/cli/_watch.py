"""The view of a run in the terminal, as lines that fit it. Pure: from what was seen to text."""

import math
import re
import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from huohou.cli._plan import COLOURS, duration
from huohou.cli._progress import GAP, fitting, staying
from huohou.cli._runs import STATES, number, state
from huohou.cli._table import aligned, width
from huohou.text import say

if TYPE_CHECKING:
    from huohou.jobs.progress import Progress
    from huohou.jobs.trace import Trace
    from huohou.jobs.watching import View, Watch

Line = tuple[str, str]  # text and its style

BARS = "▁▂▃▄▅▆▇█"
NO_NUMBER = "×"
EPOCHS = 5  # rows of the table of epochs
FEW = 10  # bars at least, before anything stands behind them
SAID = 4  # of what was said lately
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def lines(watch: "Watch", columns: int, rows: int) -> list[Line]:
    """Everything there is to see, in at most so many columns and rows; what matters most first."""
    view = watch.view
    found = [*_head(view, columns), *_numbers(view, columns)]
    found += _block(_epochs(view), rows - len(found))
    found += _block(_said(view, columns), rows - len(found))
    room = rows - len(found) - 2
    if room > 0:
        printed = [(clean(line), "dim") for line in watch.tail(min(room, 12))]
        found += _block([(say("watch.log"), "bold"), *printed] if printed else [], room + 2)
    return [(cut(text, columns), style) for text, style in found[:rows]]


def _block(block: list[Line], room: int) -> list[Line]:
    """A block under an empty line, as much of it as there is room for."""
    return [("", ""), *block][:room] if block and room > 1 else []


def _head(view: "View", columns: int) -> Iterator[Line]:
    progress = view.progress
    title = view.title
    if view.number is not None:
        title = say("runs.title", id=view.number, name=view.title)
        what = [title, state(progress.state), view.recipe, view.model]
    else:
        what = [title]
    yield fitting([part for part in what if part], columns), _colour(view)
    yield fitting(_places(progress), columns), ""
    share = _share(progress)
    if share is not None:
        percent = f" {share:4.0%}"
        room = min(columns, 80) - width(percent)
        done = round(share * room)
        yield "█" * done + "░" * (room - done) + percent, "cyan"
    times = _times(view)
    if times:
        yield fitting(times, columns), ""
    if view.error:
        yield view.error.partition("\n")[0], "red"


def in_words(view: "View") -> str:
    """Where the run is, in one line."""
    values, progress = view.progress.values, view.progress
    told = [state(progress.state)] if progress.state != "queued" else []
    told += _places(progress)
    if "loss" in values:
        told.append(say("train.loss", value=number(values["loss"])))
    if progress.finish_at is not None and view.ended is None:
        left = duration(max(progress.finish_at - time.time(), 0.0))
        told.append(say("train.left", left=left, clock=clock(progress.finish_at)))
    return GAP.join(told)


def _colour(view: "View") -> str:
    return f"bold {STATES.get(view.progress.state, 'cyan')}"


def _places(progress: "Progress") -> list[str]:
    told = []
    if progress.step or progress.steps:
        told.append(say("watch.step", step=progress.step, steps=progress.steps or "?"))
    if progress.epoch or progress.epochs:
        whole = f"{progress.epochs:g}" if progress.epochs else "?"
        told.append(say("watch.epoch", epoch=f"{progress.epoch:.2f}", epochs=whole))
    return told or [say("watch.nothing")]


def _share(progress: "Progress") -> float | None:
    if progress.state == "completed":
        return 1.0
    for done, whole in ((progress.step, progress.steps), (progress.epoch, progress.epochs)):
        if whole:
            return min(max(done / whole, 0.0), 1.0)
    return None


def _times(view: "View") -> list[str]:
    told = []
    if view.ended is not None:
        if view.began is not None:
            told.append(say("watch.took", time=duration(max(view.ended - view.began, 0.0))))
        told.append(say("watch.ended", clock=clock(view.ended)))
    elif view.began is not None:
        finish = view.progress.finish_at
        if finish is not None:
            left = duration(max(finish - time.time(), 0.0))
            told.append(say("train.left", left=left, clock=clock(finish)))
        elif view.progress.step:
            told.append(say("train.estimating"))
        told.append(say("watch.since", time=duration(max(time.time() - view.began, 0.0))))
    if view.planned is not None:
        told.append(say("watch.planned", time=duration(view.planned)))
    return told


def clock(t: float) -> str:
    """Local time of unix seconds; with the day where it is another one."""
    when, today = datetime.fromtimestamp(t).astimezone(), datetime.now().astimezone()
    return f"{when:%H:%M}" if when.date() == today.date() else f"{when:%m-%d %H:%M}"


def _numbers(view: "View", columns: int) -> Iterator[Line]:
    names = {name: say(f"watch.{name}") for name in view.traces}
    wide = max(map(width, names.values()))
    for name, trace in view.traces.items():
        if trace.count:
            head = f"{names[name]}{' ' * (wide - width(names[name]))}  {number(trace.last):<9}"
            tail = say("watch.lowest", value=number(trace.lowest))
            room = columns - width(head) - width(tail) - 4
            bars = spark(trace, max(min(room if room >= FEW else columns - width(head) - 2, 60), 1))
            yield f"{head}  {bars}" + (f"  {tail}" if room >= FEW else ""), ""
    values = view.progress.values
    told = []
    if "learning_rate" in values:
        told.append(say("train.learning_rate", value=f"{values['learning_rate']:.3g}"))
    if "tokens_per_second" in values:
        told.append(say("train.speed", value=f"{values['tokens_per_second']:,.0f}"))
    if "grad_norm" in values:
        told.append(say("watch.grad_norm", value=number(values["grad_norm"])))
    if told:
        yield fitting(told, columns), ""


def spark(trace: "Trace", cells: int) -> str:
    """A series as a row of bars; NaN and infinities as ×."""
    from huohou.jobs.trace import mean_of

    values = mean_of(trace.values(), cells)
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(
        BARS[round((value - low) * scale)] if math.isfinite(value) else NO_NUMBER
        for value in values
    )


def _epochs(view: "View") -> list[Line]:
    whole = math.ceil(view.progress.epochs) if view.progress.epochs else 0
    times = view.times
    last = max([whole, *times.seconds], default=0)
    if not last or (view.planned is None and not times.seconds):
        return []
    now = min(max(times.seconds, default=1), last)
    first = max(1, min(now - EPOCHS // 2, last - EPOCHS + 1))
    shown = range(first, min(first + EPOCHS, last + 1))
    head = [say(f"watch.epochs.{name}") for name in ("epoch", "planned", "actual", "done")]
    rows = [_epoch(view, epoch, now) for epoch in shown]
    text = aligned([head, *rows], right=(0,))
    return [(text[0], "bold"), *((line, "") for line in text[1:])]


def _epoch(view: "View", epoch: int, now: int) -> list[str]:
    progress, times = view.progress, view.times
    planned = duration(view.planned / progress.epochs) if view.planned and progress.epochs else "-"
    actual = duration(times.seconds[epoch]) if epoch in times.seconds else "-"
    if epoch in times.ended and (epoch < now or times.reached >= epoch):
        return [str(epoch), planned, actual, clock(times.ended[epoch])]
    at = None
    if progress.steps and progress.epochs and view.ended is None:
        at = progress.reached_at(progress.steps * min(epoch / progress.epochs, 1.0))
        if at is None and view.planned and view.began:
            at = view.began + view.planned * min(epoch / progress.epochs, 1.0)
    return [str(epoch), planned, actual, say("watch.expected", clock=clock(at)) if at else "-"]


def _said(view: "View", columns: int) -> list[Line]:
    said = [(text, style) for event in view.newest for text, style in told(event)]
    return [(cut(text, columns), style) for text, style in said[-SAID:]]


def told(event: dict[str, Any]) -> list[Line]:
    """What an event says to a reader: a line and its style, or nothing."""
    kind = event["kind"]
    if kind == "finding":
        severity = str(event.get("severity"))
        word = say(f"diagnose.severity.{severity}") if severity in COLOURS else severity
        text = f"{word}  {event.get('code')}: {event.get('title', '')}"
        return [(clean(text), COLOURS.get(severity, "cyan"))]
    if kind == "checkpoint":
        return [(say("watch.checkpoint", step=event.get("step"), path=event.get("path")), "dim")]
    text = staying(event) or ""
    style = COLOURS.get(str(event.get("level")), "") if kind == "alert" else ""
    return [(clean(text.partition("\n")[0]), style)] if text and kind != "log" else []


def clean(text: str) -> str:
    """Text of a file as it may be shown: no commands to the terminal in it."""
    return _CONTROL.sub("", text.expandtabs(4)).replace("\n", " ")


def cut(text: str, columns: int) -> str:
    """As much of a text as fits.

    >>> cut("损失 1.25", 6)
    '损失 1'
    """
    if width(text) <= columns:
        return text
    taken = 0
    for i, letter in enumerate(text):
        taken += width(letter)
        if taken > columns:
            return text[:i]
    return text
