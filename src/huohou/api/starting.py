"""Jobs that are started without a run file, as the page does: from settings by dotted name."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou import config
from huohou.api.common import need_extra, workspace
from huohou.errors import UsageError

if TYPE_CHECKING:
    from huohou.plan import Plan

_making = threading.Lock()


def plan_for(settings: Mapping[str, Any]) -> "Plan":
    """The plan of settings given by dotted name, stronger than all other places.

    Paths are taken where ``places.roots`` says, relative ones from where this process was started.
    Raises UsageError, ConfigError, DataError, ModelError, MissingExtraError.
    """
    from huohou.api.places import allowed_settings
    from huohou.api.plans import stage_one

    found = stage_one(config.load(given=allowed_settings(settings)))
    need_extra("train", "torch", "transformers", "peft")
    from huohou import plan
    from huohou.recipes import recipes

    recipe = recipes.get(found.run.recipe)
    return plan.make_plan(found, recipe.predict, recipe.reads)


def plan_document(plan: "Plan") -> dict[str, Any]:
    """A plan as JSON, as in ``plan.json``; NaN and infinities are words."""
    from huohou.record.events import plain

    found: dict[str, Any] = plain(plan.as_dict())
    return found


def start(
    plan: "Plan", if_exists: str | None = None, *, stop_on: str | None = None
) -> dict[str, Any]:
    """Queue a plan as `train --detach` does: it trains without this process. The job as queued.

    if_exists: what to do with a job of that name: "new" (another job beside it), "backup" (that
    one is put away first), "continue" (it goes on instead). The answer has the columns of
    ``training_jobs``, ``notes``: what a person should know, and ``put_away``: the folder where the
    earlier job is then. Raises UsageError where there is a job of that name and no choice.
    """
    from huohou.api.jobs import named, resume, train
    from huohou.api.listing import back_up

    there = named(plan.name)
    if there is None or if_exists == "new":
        return {**train(plan, detach=True, stop_on=stop_on), "notes": [], "put_away": None}
    if if_exists is None:
        raise UsageError("start.exists", name=plan.name, id=there["id"])
    ref, notes = str(there["id"]), list[str]()
    if if_exists == "continue":
        job = resume(ref, plan=plan, detach=True, stop_on=stop_on, on_note=notes.append)
        return {**job, "notes": notes, "put_away": None}
    place = back_up(ref)
    return {**train(plan, detach=True, stop_on=stop_on), "notes": [], "put_away": str(place)}


def take_example(name: str) -> dict[str, Any]:
    """Settings of an example, its files copied into the workspace's ``uploads`` once.

    Raises UsageError for an example that is none.
    """
    from huohou.api.places import UPLOADS
    from huohou.api.settings import EXAMPLES

    if name not in EXAMPLES:
        raise UsageError("init.unknown", name=name, near=EXAMPLES[0], known=", ".join(EXAMPLES))
    folder = (workspace() / UPLOADS / f"example-{name}").resolve()
    with _making:
        if not (folder / "run.yaml").is_file():
            from huohou.api.machine import init

            init(folder, name)
        if name == "facts" and not (folder / "data" / "train.jsonl").is_file():
            _make_rows(folder)
    settings = config.flatten(config.read_yaml(folder / "run.yaml"))
    placed = {key: _placed(folder, key, value) for key, value in settings.items()}
    return {"schema": 1, "name": name, "settings": placed}


def _make_rows(folder: Path) -> None:
    """Rows of the table of facts, as the example's own first command makes them."""
    from huohou.api.data import data_make

    system = (folder / "system.txt").read_text(encoding="utf-8").strip()
    data_make(folder / "branches.csv", folder / "data", facts=24, system=system, force=True)


def _placed(folder: Path, key: str, value: Any) -> Any:
    paths = ("data.train", "data.eval", "data.test", "data.facts", "data.habits")
    return str(folder / value) if key in paths and value else value


def keep_aside(path: str, share: float = 0.1) -> dict[str, Any]:
    """Split a file of rows into rows to train on and rows to watch, in ``uploads``.

    The answer has ``settings`` with both files, ``rows`` of each and the split's ``notes``.
    Raises UsageError, DataError.
    """
    from huohou.api.data import data_split
    from huohou.api.places import UPLOADS, allowed, safe_name

    source = allowed(path, "data.train")
    stem = Path(safe_name(source.name)).stem
    parent = (workspace() / UPLOADS).resolve()
    with _making:
        folder = next(p for p in _free(parent, f"{stem}-split") if not p.exists())
        made = data_split(source, folder, eval_share=share, test_share=0.0)
    files: Mapping[str, int] = made["files"]
    names = {f"data.{Path(file).stem}": file for file in files}
    rows = {f"data.{Path(file).stem}": count for file, count in files.items()}
    return {"schema": 1, "settings": names, "rows": rows, "notes": made["notes"]}


def _free(parent: Path, name: str) -> Sequence[Path]:
    return [parent / name, *(parent / f"{name}-{n}" for n in range(2, 1000))]
