"""``python -m huohou.jobs.supervise FOLDER [LEASE]``: supervises a queued job without a terminal.

What it says, and what goes wrong with it, is in the job's train.log. If it dies before it began,
the job waits as before; if it dies later, the training goes on to its end without it.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from huohou.errors import HuohouError
from huohou.jobs import detach, queue, stopping
from huohou.jobs.progress import Progress
from huohou.jobs.supervisor import Supervisor
from huohou.jobs.turns import cancel
from huohou.plan import Plan
from huohou.record.events import Event
from huohou.record.recorder import FINAL, Journal
from huohou.record.store import Store
from huohou.record.workspace import JOURNAL, PLAN
from huohou.text import say


def main(arguments: Sequence[str]) -> int:
    """Supervise the job of a folder, if it still waits."""
    try:
        _supervise(Path(arguments[0]), arguments[1] if len(arguments) > 1 else None)
    except HuohouError as error:
        sys.stderr.write(say("cli.error", message=error) + "\n")
        return error.exit_code
    return 0


def _supervise(folder: Path, holder: str | None) -> None:
    found = queue.read(folder)
    with Journal(folder / JOURNAL, found.seg if found else 0) as journal:
        entry = queue.read(folder)  # as it is now that nobody else writes it
        if entry is None or entry.state != "queued":
            return
        store = Store(folder.parent)
        if stopping.requested(folder) is not None:
            cancel(store, folder, journal)
            return
        size = Plan.load(folder / PLAN).prediction.checkpoint_bytes
        start = detach.start_of(entry)
        supervisor = Supervisor(
            store,
            folder,
            journal,
            checkpoint_bytes=size,
            on_event=_Notes(folder, kept=holder is not None),
            tied=False,
            stop_on=detach.stop_on_of(entry),
            holder=holder,
        )
        supervisor.run(start)


class _Notes:
    """Takes the place of a terminal: alerts go to train.log.

    kept: what the job was started with stays to its end, for whoever puts it back.
    """

    def __init__(self, folder: Path, *, kept: bool) -> None:
        self._folder, self._kept = folder, kept

    def __call__(self, event: Event, progress: Progress) -> None:
        if event["kind"] == "state" and (not self._kept or event.get("state") in FINAL):
            detach.forget(self._folder)  # history
        if event["kind"] == "alert":
            sys.stdout.write(f"{event.get('text')}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
