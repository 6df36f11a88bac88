"""What a supervisor notices of a run while it goes on: silence, what the doctor says, and whether
a resume really went on."""

import time
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from huohou.diagnose.aftercheck import ENOUGH, after_check
from huohou.jobs.rounds import Rounds
from huohou.jobs.silence import Silence
from huohou.record import checkpoints
from huohou.record.columns import Point
from huohou.record.events import Event
from huohou.record.finding import Finding
from huohou.record.recorder import Level
from huohou.text import say

SIZES = ("largest_batch", "longest_row", "max_tokens", "recompute")
# What --stop-on says, to the severities that end a run.
ENDING = {"error": frozenset({"error"}), "warning": frozenset({"error", "warning"})}


@dataclass(slots=True)
class Said:
    """Findings and alerts for the journal; stop: the run is to be ended now; doomed: the finding
    for which it is to be ended after the running step."""

    findings: list[Finding] = field(default_factory=list)
    alerts: list[tuple[str, Level]] = field(default_factory=list)
    stop: bool = False
    doomed: Finding | None = None


class Oversight:
    """Follows the events of one job.

    sizes: what the run said of its micro-batches; stop_on: severity from which on a finding ends
    the run, ``error`` or ``warning``, None for never; doomed: the finding that did.
    """

    def __init__(self, folder: Path, stop_on: str | None = None) -> None:
        self.sizes: dict[str, Any] = {}
        self.doomed: Finding | None = None
        self._stop_on = ENDING.get(stop_on or "", frozenset())
        self.lost_weights = False
        self._folder = folder / checkpoints.FOLDER
        self._said: set[str] = set()  # checkpoints that this process life told of
        self._there: set[str] = set()  # those that were there before it
        self._rounds = Rounds(folder)
        self._silence = Silence(time.monotonic())
        self._steps, self._losses = array("d"), array("d")
        self._resumed_from: int | None = None
        self._before: tuple[list[float], list[float]] = ([], [])
        self._after: list[float] = []

    def remember(self, events: Iterable[Event]) -> None:
        """Take in what happened in earlier process lives."""
        for event in events:
            self._take(event)
        self.begin()

    def begin(self) -> None:
        """A process life begins."""
        self._said, self._there = set(), self._listed()
        self._resumed_from, self._after = None, []
        self._silence = Silence(time.monotonic())

    @property
    def saved(self) -> list[str]:
        """Checkpoints of this process life, also one that it was killed before telling of."""
        return sorted(self._said | (self._listed() - self._there))

    def _listed(self) -> set[str]:
        return {path.name for path in checkpoints.listed(self._folder)}

    def see(self, news: list[Event]) -> Said:
        """Take in what is new; what there is to say about it."""
        said, now = Said(), time.monotonic()
        for event in news:
            self._take(event)
        if any(event["kind"] not in ("heartbeat", "alert", "finding") for event in news):
            self._silence.heard(now)
        silent = self._silence.too_long(now)
        if silent is not None:
            said.alerts.append((say("job.silent", minutes=f"{silent / 60:.0f}"), "warning"))
        if any(event["kind"] in ("metrics", "eval") for event in news):
            said.findings += self._rounds.due()
            if self._rounds.broken:
                said.alerts.append((say("job.doctor_failed", error=self._rounds.broken), "warning"))
                self._rounds.broken = None
            self._check_resume(said)
        self._judge(said)
        return said

    def _judge(self, said: Said) -> None:
        """Whether what was found ends the run."""
        grave = (one for one in said.findings if one.severity in self._stop_on)
        if self.doomed is None:
            self.doomed = said.doomed = next(grave, None)

    def last(self) -> Said:
        """What the doctor says now that the run is over."""
        return Said(findings=list(self._rounds.last()))

    def _take(self, event: Event) -> None:
        kind = event["kind"]
        if kind in ("start", "alert"):
            self.sizes |= {name: event[name] for name in SIZES if name in event}
        if kind == "start":
            self._begin_check(event.get("resumed_from"))
        elif kind == "checkpoint":
            self._said.add(Path(event["path"]).name)
        elif kind == "metrics" and isinstance(event.get("loss"), int | float):
            self._steps.append(event["step"])
            self._losses.append(event["loss"])
            if self._resumed_from is not None:
                self._after.append(event["loss"])

    def _begin_check(self, resumed_from: int | None) -> None:
        self._resumed_from, self._after = resumed_from, []
        if resumed_from is None:
            return
        # A step trained in two lives counts as it was trained last.
        lived = dict(zip(self._steps, self._losses, strict=True))
        losses = [lived[step] for step in sorted(lived) if step <= resumed_from]
        self._before = (losses[:ENOUGH], losses[-4 * ENOUGH :])

    def _check_resume(self, said: Said) -> None:
        if self._resumed_from is None:
            return
        found = after_check(*self._before, self._after)
        if found is None:
            return
        step, self._resumed_from = self._resumed_from, None
        numbers = {"before": f"{found.before:.4g}", "after": f"{found.after:.4g}"}
        if found.judgement == "lost":
            self.lost_weights = said.stop = True
            # Imported when there is something to say: a supervisor starts at once.
            from huohou.diagnose.rules.resume_lost_weights import lost

            said.findings.append(lost(Point(found.after, step), found))
            self._rounds.told("resume-lost-weights")
        else:
            text = say(f"job.resume_{found.judgement}", step=step, **numbers)
            said.alerts.append((text, "info"))
