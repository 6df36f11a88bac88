"""The report of a run. Nothing heavy is imported early."""

from pathlib import Path
from typing import TYPE_CHECKING

from huohou.api.common import find_run
from huohou.errors import UsageError

if TYPE_CHECKING:
    from huohou.evaluate.card import Scorecard
    from huohou.plan import Plan
    from huohou.report.run_report import Part


def report(ref: str, *, folder: Path | None = None, force: bool = False) -> tuple[Path, Path]:
    """Write ``report.md`` and ``report.html``; a run of stage 2 is told with its stage 1.

    folder: where to, the run's own by default, where a report of before is replaced; elsewhere
    only by force. Raises UsageError, DataError.
    """
    from huohou.report.blocks import markdown, page
    from huohou.report.diagnosis_page import STYLE
    from huohou.report.run_report import blocks

    run = find_run(ref)
    parts = _parts(run.folder)
    place = folder or run.folder
    targets = place / "report.md", place / "report.html"
    there = next((path for path in targets if path.exists()), None)
    if folder is not None and there is not None and not force:
        raise UsageError("report.exists", path=there)
    place.mkdir(parents=True, exist_ok=True)
    told = list(blocks(parts))
    targets[0].write_text(markdown(told), encoding="utf-8")
    targets[1].write_text(page(parts[-1].name, STYLE, told), encoding="utf-8")
    return targets


def _parts(folder: Path) -> list["Part"]:
    """The run and, of a stage 2, the run that made what it began with; a log that was taken in."""
    from huohou.diagnose.engine import diagnose
    from huohou.evaluate.retrieval.lineage import stages
    from huohou.record.readers import read
    from huohou.record.workspace import PLAN
    from huohou.report.run_report import Part

    card = _card(folder)
    made: list[tuple[Path, Plan | None]] = [(folder, None)]
    if (folder / PLAN).is_file():
        made = [(stage.folder, stage.plan) for stage in stages(folder)]
    found = []
    for place, plan in made:
        record = read(place)
        found.append(Part(place, plan, record, diagnose(record), card if place == folder else None))
    return found


def _card(folder: Path) -> "Scorecard | None":
    """The run's score, None where it was not scored. Raises UsageError for a damaged one."""
    from huohou.evaluate.card import Scorecard
    from huohou.record.workspace import SCORECARD

    path = folder / SCORECARD
    if not path.exists():
        return None
    try:
        return Scorecard.load(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError("report.bad_card", path=path) from error
