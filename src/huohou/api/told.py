"""Parts of a diagnosis in sentences, for the terminal and the page."""

from collections.abc import Iterator, Mapping
from typing import Any

from huohou.text import say


def read_lines(source: Mapping[str, Any]) -> Iterator[str]:
    """What was read, how it was understood and how it went."""
    points = source["points"]
    evals = max((n for name, n in points.items() if name.startswith("eval_")), default=0)
    counts = {"losses": points.get("loss", 0), "evals": evals, "updates": source["updates"]}
    counts["lives"] = source["segments"] if source["segments"] > 1 else 0
    counts |= {"scores": source["figures"], "stated": source["criteria"]}
    told = [say(f"diagnose.{name}", n=n) for name, n in counts.items() if n]
    if source["epochs"]:
        told.append(say("diagnose.epochs", n=f"{source['epochs']:.3g}"))
    what = say("diagnose.comma").join(told)
    yield say("diagnose.read", path=source["path"], reader=source["reader"], what=what)
    for name, course in source["courses"].items():
        ends = {end: f"{value:.4g}" for end, value in course.items()}
        yield "    " + say(f"diagnose.course.{name}", **ends)
    for note in source["notes"]:
        yield f"    {note}"


def checked_line(one: Mapping[str, Any]) -> str:
    """What a report wants to reach, and whether the log says that it did."""
    if one["metric"] == "status" and one["met"] is not None:
        return say("diagnose.gate.status_met" if one["met"] else "diagnose.gate.status")
    if one["by"] == "record":
        value = f"{one['value']:.4g}"
        key = "met" if one["met"] else "missed"
        return say(f"diagnose.gate.{key}", metric=one["metric"], value=value)
    signs = {"min": ">=", "max": "<="}
    bounds = " ".join(f"{sign} {one[b]:g}" for b, sign in signs.items() if one[b] is not None)
    return say(f"diagnose.gate.{one['by']}", metric=one["metric"], bounds=bounds)
