"""The doctor's rounds: rules are tried on a run while it trains, and all of them at its end."""

import time
from collections.abc import Iterator
from pathlib import Path

from huohou.errors import HuohouError
from huohou.record.finding import Finding

# What these find does not depend on what is still to come. (Whether a resume lost the weights is
# asked as soon as its first losses are there, see oversight.py.)
WHILE_IT_RUNS = frozenset({
    "nan-loss", "masked-nan", "diverged", "loss-stuck", "nothing-trains", "loss-above-uniform",
    "lr-zero", "lr-too-low", "overfit", "silent-restart", "schedule-mismatch", "fp16-risk",
})  # fmt: skip
EVERY = 10.0  # seconds between two rounds, at least
SHARE = 0.02  # of the supervisor's time that rounds may take


class Rounds:
    """Says each finding of a job once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._said: set[str] = set()
        self._next = 0.0
        self.broken: str | None = None  # what went wrong with the doctor himself

    def told(self, code: str) -> None:
        """Somebody else has said it."""
        self._said.add(code)

    def due(self) -> Iterator[Finding]:
        """Findings that are new and can be made while the run goes on."""
        began = time.monotonic()
        if began < self._next:
            return
        yield from self._new(WHILE_IT_RUNS)
        took = time.monotonic() - began
        self._next = time.monotonic() + max(EVERY, took / SHARE)

    def last(self) -> Iterator[Finding]:
        """All findings of the run that have not been said, now that it is over."""
        yield from self._new(None)

    def _new(self, codes: frozenset[str] | None) -> Iterator[Finding]:
        # Imported when there is something to judge: a supervisor starts at once.
        from huohou.diagnose.engine import diagnose
        from huohou.record.readers import read

        try:
            record = read(self._folder)
            found = diagnose(record).findings
        except (HuohouError, OSError):  # nothing to read yet, or nothing readable
            return
        except Exception as error:  # noqa: BLE001 - a bug in a rule must not end a training
            self.broken = f"{type(error).__name__}: {error}"
            return
        checked = (record.facts.get("plan") or {}).get("findings", ())
        self._said |= {one["code"] for one in checked}  # these are in the journal already
        for finding in found:
            if finding.code not in self._said and (codes is None or finding.code in codes):
                self._said.add(finding.code)
                yield finding
