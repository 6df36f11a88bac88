"""What happened to a run and when: from its journal and its events."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from huohou.record.events import Event, Follower
from huohou.record.workspace import EVENTS, JOURNAL
from huohou.report.blocks import Block, Paragraph, Table
from huohou.text import say

MOST = 40  # lines; of a longer one the middle is left out
LATEST = 1e11  # unix seconds: what is later is no time
LONGEST = 200  # characters of what was said
_ENDS = ("completed", "stopped", "failed", "lost")


@dataclass(frozen=True, slots=True)
class Moment:
    """t: unix seconds."""

    t: float
    text: str


def moments(folder: Path) -> list[Moment]:
    """What happened, in order: states, process lives, the best checkpoint, findings, alerts."""
    return moments_of(_read(folder / JOURNAL), _read(folder / EVENTS))


def moments_of(journal: Sequence[Event], events: Sequence[Event]) -> list[Moment]:
    """The same from events that were read already."""
    found = [*_of_journal(_dated(journal)), *_of_events(_dated(events))]
    return sorted(found, key=lambda one: one.t)


def took(folder: Path) -> float | None:
    """Seconds in which a process trained, over all its lives; None while it goes on."""
    whole, begun = 0.0, None
    for event in _read(folder / JOURNAL):
        if event["kind"] != "state":
            continue
        if event["state"] == "running" and begun is None:
            begun = float(event["t"])
        elif event["state"] in _ENDS and begun is not None:
            whole, begun = whole + float(event["t"]) - begun, None
    return whole if whole and begun is None else None


def peak_memory(folder: Path) -> int | None:
    """Bytes that the training needed at most, where its supervisor saw it."""
    peaks = [event.get("peak_memory_bytes") for event in _read(folder / JOURNAL)]
    return max((peak for peak in peaks if isinstance(peak, int) and peak > 0), default=None)


def blocks(folder: Path) -> Iterator[Block]:
    """The moments as a table: clock, time since the first, what."""
    found = moments(folder)
    if not found:
        yield Paragraph(say("report.timeline.none"), "note")
        return
    shown = found if len(found) <= MOST else [*found[: MOST // 2], *found[-MOST // 2 :]]
    rows = [[_clock(one.t), _since(one.t - found[0].t), one.text] for one in shown]
    if len(shown) < len(found):
        left = say("report.timeline.left_out", n=len(found) - len(shown))
        rows.insert(MOST // 2, ["", "", left])
    yield Table([say(f"report.timeline.{name}") for name in ("clock", "since", "what")], rows)


def _read(path: Path) -> list[Event]:
    follower, found = Follower(path), []
    while piece := follower.poll():
        found += [event for event in piece if _is_dated(event)]
    return found


def _dated(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if _is_dated(event)]


def _is_dated(event: Event) -> bool:
    """Whether it is no point of a curve, and known when it was: not all that was taken in is."""
    t = event.get("t")
    return (
        event["kind"] not in ("metrics", "eval") and isinstance(t, int | float) and 0 < t < LATEST
    )


def _of_journal(journal: Sequence[Event]) -> Iterator[Moment]:
    lives = 0
    for event in journal:
        t, kind = float(event["t"]), event["kind"]
        if kind == "queued":
            was_read = event.get("recipe") == "import"
            yield Moment(t, say(f"report.timeline.{'taken_in' if was_read else 'queued'}"))
        elif kind == "segment":
            lives += 1
            key = "report.timeline.life" if lives == 1 else "report.timeline.again"
            yield Moment(t, say(key, n=lives))
        elif kind == "state" and event["state"] in ("running", *_ENDS):
            error = str(event.get("error") or "").partition("\n")[0]
            told = say("checklist.found.state", state=say(f"state.{event['state']}"))
            yield Moment(t, _cut(f"{told} {error}".strip()))
        elif kind == "finding":
            yield Moment(t, _cut(f"{event.get('code')}: {event.get('title')}"))
        elif kind == "alert":
            yield Moment(t, _cut(str(event.get("text", ""))))


def _of_events(events: Sequence[Event]) -> Iterator[Moment]:
    saved = [event for event in events if event["kind"] == "checkpoint"]
    best = next((event for event in reversed(saved) if event.get("best")), None)
    for event, key in ((best, "best"), (saved[-1] if saved else None, "last")):
        if event is not None and (key == "best" or event is not best):
            told = say(f"report.timeline.{key}", step=event.get("step", "?"), n=len(saved))
            yield Moment(float(event["t"]), told)
    for event in events:
        if event["kind"] == "log" and event.get("level") in ("warning", "error"):
            yield Moment(float(event["t"]), _cut(str(event.get("text", ""))))


def _cut(told: str) -> str:
    line = " ".join(told.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST].rstrip()}…"


def _clock(t: float) -> str:
    return f"{datetime.fromtimestamp(t).astimezone():%Y-%m-%d %H:%M:%S}"


def _since(seconds: float) -> str:
    """Hours, minutes and seconds.

    >>> _since(3725.4), _since(0.2)
    ('1:02:05', '0:00:00')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
