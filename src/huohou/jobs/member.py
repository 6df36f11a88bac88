"""A worker of several: ``torchrun ... -m huohou.jobs.member FOLDER --seg N --start START``.

As ``child.py`` for a process that trains alone, but only the first worker records. Exit code 0 also
where the record says that the run failed: starting the workers again would not help.
"""

import contextlib
import os
import sys
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from huohou.jobs import child, crew, disk, stored
from huohou.jobs.copying import CopyingRecorder
from huohou.jobs.exitcodes import FAILED
from huohou.jobs.stopping import StopWatch
from huohou.plan import Plan
from huohou.recipes import Start, recipes
from huohou.record.recorder import Recorder, Silent
from huohou.record.workspace import EVENTS, PLAN

if TYPE_CHECKING:
    from huohou.recipes.team import Team


def main(arguments: list[str] | None = None) -> int:
    """A worker that torchrun started; returns its exit code."""
    told = child.options(arguments)
    if crew.life_of(told.folder, told.seg, told.start).end is not None:
        return 0
    watch = StopWatch(told.folder, told.parent, above=1)
    plan = Plan.load(told.folder / PLAN)
    from huohou.recipes.team import join

    return Member(plan, told.folder, join(plan.device.value), watch).work(told.seg, told.start)


@dataclass(frozen=True, slots=True)
class Member:
    """One of a team that carries out a plan."""

    plan: Plan
    folder: Path
    team: "Team"
    watch: StopWatch

    def work(self, seg: int, start: Start) -> int:
        """A life that was started as segment seg, perhaps for another time; 0 when the record says
        how it ended."""
        life = self.team.told(self._life(seg, start) if self.team.leads else None)
        assert life is not None
        if life.end is not None:
            return 0
        if not self.team.leads:
            return self._follow(life)
        crew.forget_notes(self.folder)
        with CopyingRecorder(self.folder / EVENTS, life.seg, echo=sys.stdout) as recorder:
            return self._lead(life, recorder)

    def _life(self, seg: int, start: Start) -> crew.Life:
        life = crew.life_of(self.folder, seg, start)
        if life.end is not None:
            return life
        if life.seg == seg and child.is_too_late(self.folder, seg):
            return replace(life, end={})  # nothing is to be done
        found = stored.newest(self.folder, life.seg, life.start, _tell)
        return replace(life, start=found)

    def _lead(self, life: crew.Life, recorder: CopyingRecorder) -> int:
        try:
            recorder.copier = stored.copier_of(self.folder, self.plan, life.seg)
            self._carry_out(life.start, recorder)
        except Exception as error:  # noqa: BLE001 - the edge of the process: whatever it was is recorded
            with contextlib.suppress(OSError):
                traceback.print_exception(error)
            end = crew.told(error)
            if crew.is_lost(error):
                found = crew.note_of(self.folder, self.team.size)
                if found is None:
                    return FAILED  # somebody died without a word
                end = found
            elif disk.is_full(error, self.folder):
                disk.give_back(self.folder)
                end["reason"] = "disk-full"
            recorder.end("failed", **end)
        return 0

    def _follow(self, life: crew.Life) -> int:
        try:
            self._carry_out(life.start, Silent(life.seg))
        except Exception as error:  # noqa: BLE001 - the edge of the process: told to who records
            if not crew.is_lost(error):
                traceback.print_exception(error)
                crew.leave_note(self.folder, self.team.rank, error)
            over = crew.soon(lambda: self._is_over(life.seg), 2 * crew.PATIENCE)
            return 0 if over else FAILED
        return 0

    def _is_over(self, seg: int) -> bool:
        return crew.life_of(self.folder, seg, Start()).end is not None

    def _carry_out(self, start: Start, recorder: Recorder) -> None:
        seen = False

        def should_stop() -> bool:
            nonlocal seen
            seen = seen or self.team.any(self.watch.asked())
            return seen

        plan = crew.with_device(self.plan)
        recipes.get(plan.recipe).run(plan, self.folder, recorder, should_stop, start)
        self.team.wait()
        if not recorder.ended:
            recorder.end("stopped" if seen else "completed")


def _tell(text: str) -> None:
    """Into train.log: the record is not open yet."""
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    CODE = main()
    sys.stdout.flush()
    os._exit(CODE)  # threads of a broken connection must not keep a dead worker
