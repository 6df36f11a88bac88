"""What was counted after a scoring, on its stored runs and with the rules it was made with.

A recorded scoring is never changed. What its page has to say and it does not yet tell is counted by
``python -m bench.faultbench page`` and kept beside it, by its date. It is counted only while the
rules still give the very alarms that were recorded.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.faultbench import repair, score
from bench.faultbench.doctors import ours
from bench.faultbench.examine import examine
from bench.faultbench.stored import Run

KEPT = Path(__file__).parent / "supplement.json"


class OtherRulesError(Exception):
    """The rules say other things of these runs than when they were scored."""


def count(row: Mapping[str, Any], runs: Sequence[Run]) -> dict[str, Any]:
    """What a scoring does not tell, in its own shape. runs: of the split that was scored.

    Raises OtherRulesError where today's rules do not give the alarms that were recorded.
    """
    sound = [run for run in runs if run.is_sound]
    said = examine(sound, ours, score.BASE)
    if score.wrong_alarms(sound, said) != row["alarms"]:
        raise OtherRulesError(row["date"])
    told = {"accepts": score.accepts(runs), "alarms_at_all": score.alarms_at_all(sound, said)}
    tried = {"repair": {"curable": repair.curables(runs)}} if row.get("repair") else {}
    return {"huohou": told, **tried}


def kept() -> dict[str, dict[str, Any]]:
    """By the date of the scoring."""
    found: dict[str, dict[str, Any]] = json.loads(KEPT.read_text(encoding="utf-8"))
    return found


def keep(row: Mapping[str, Any], counted: Mapping[str, Any]) -> None:
    """Put it beside a scoring."""
    told = json.dumps(kept() | {row["date"]: counted}, indent=1, ensure_ascii=False)
    KEPT.write_text(told + "\n", encoding="utf-8")


def is_told(row: Mapping[str, Any]) -> bool:
    """Whether the scoring tells everything by itself, or what it lacks is kept."""
    return "alarms_at_all" in row["huohou"] or row["date"] in kept()


def whole(row: Mapping[str, Any]) -> dict[str, Any]:
    """The scoring with what is kept beside it."""
    more = kept().get(row["date"], {})
    return {**row, **{name: {**row.get(name, {}), **told} for name, told in more.items()}}
