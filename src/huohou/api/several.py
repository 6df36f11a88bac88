"""Several runs over one another: what was set differently, and what came of it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou.api.common import open_store
from huohou.errors import HuohouError, UsageError

if TYPE_CHECKING:
    from huohou.jobs.lookup import Run

MOST = 10  # runs that can be told apart in one chart


def compare_runs(refs: Sequence[str], base: str | None = None) -> dict[str, Any]:
    """Runs side by side, in the order in which they were asked for.

    base: the one that the others are held against, the first when not given. ``jobs``: columns of
    ``training_jobs``; ``series``: names of each one's series; ``differ``: settings that are not the
    same in all of them, ``values`` in the order of the runs (None where a run has no such setting)
    with ``from``: where each came from; ``same``: how many settings all have alike; ``cards``: the
    scorecard of each, or None; ``paired``: of each but the base, what changed from the base on the
    same questions (document of ``compare --json`` without its flips), or ``problem``: why that
    cannot be told.
    Raises UsageError for unknown runs and for more than MOST.
    """
    from huohou.jobs.lookup import find
    from huohou.record.events import plain

    store = open_store()
    runs = list({run.job.id: run for run in (find(ref, store) for ref in refs)}.values())
    if len(runs) > MOST:
        raise UsageError("several.too_many", count=len(runs), most=MOST)
    held = find(base, store) if base is not None else runs[0] if runs else None
    settings = [_settings(run.folder) for run in runs]
    differ, same = _differences(settings)
    return {
        "schema": 1,
        "base": held.job.id if held is not None else None,
        "jobs": [run.as_dict() for run in runs],
        "series": [store.names(run.job.id) for run in runs],
        "differ": plain(differ),
        "same": same,
        "cards": [_card(run.folder) for run in runs],
        "paired": [_paired(held, run) for run in runs if held and run.job.id != held.job.id],
    }


def _settings(folder: Path) -> dict[str, tuple[Any, str]]:
    """Name to value and source of everything a plan decided; empty for a run without a plan."""
    from huohou.plan import Plan
    from huohou.record.workspace import PLAN

    try:
        plan = Plan.load(folder / PLAN)
    except (OSError, ValueError, KeyError, TypeError):  # a log of another program has none
        return {}
    found = {key: (one.value, one.source) for key, one in plan.settings.items() if key != "name"}
    parts = {"data.train": plan.train, "data.eval": plan.eval}
    rows = {f"{key} (sha256)": part.fingerprint[:12] for key, part in parts.items() if part}
    decided = {"device": plan.device.value, "dtype": plan.dtype.value, **rows}
    versions = {f"version of {name}": version for name, version in plan.versions.items()}
    return found | {key: (value, "plan") for key, value in {**decided, **versions}.items()}


def _differences(
    settings: Sequence[Mapping[str, tuple[Any, str]]],
) -> tuple[list[dict[str, Any]], int]:
    """Settings that are not the same in all runs that have a plan; how many are."""
    names = dict.fromkeys(name for one in settings for name in one)
    differ = []
    for name in names:
        there = [one.get(name) for one in settings]
        values = [one[0] if one else None for one in there]
        known = {_alike(one.get(name, (None,))[0]) for one in settings if one}
        if len(known) > 1:
            sources = [one[1] if one else None for one in there]
            differ.append({"key": name, "values": values, "from": sources})
    return differ, len(names) - len(differ)


def _alike(value: Any) -> str:
    """The same words for values that are shown the same: 1 as a default, 1.0 as somebody's word."""
    whole = isinstance(value, float) and value.is_integer()
    return json.dumps(int(value) if whole else value)


def _card(folder: Path) -> dict[str, Any] | None:
    """A run's usual scorecard, or the first there is of another set of questions."""
    from huohou.evaluate.card import Scorecard
    from huohou.evaluate.pairing import cards_of

    try:
        card = Scorecard.load(cards_of(folder)[0])
    except (UsageError, OSError, ValueError, KeyError, TypeError):
        return None
    asked = {key: card.questions.get(key) for key in ("on", "asked", "source", "fingerprint")}
    metrics = card.as_dict()["metrics"]
    return {"questions": asked, "metrics": metrics, "words": list(card.words)}


def _paired(base: "Run", run: "Run") -> dict[str, Any]:
    from huohou.evaluate.pairing import cards_of, compared, same_questions

    told: dict[str, Any] = {"job": run.job.id, "base": base.job.id}
    try:
        found = compared(*same_questions(cards_of(base.folder), cards_of(run.folder)))
    except HuohouError as error:
        return told | {"problem": str(error)}
    return told | {key: value for key, value in found.as_dict().items() if key != "flips"}
