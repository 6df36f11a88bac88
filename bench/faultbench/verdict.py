"""Whether a planted fault counts: its codes, and whether the log can show it."""

from typing import Any

from bench.faultbench.faults import FAULTS
from bench.faultbench.faults._kinds import Fault

# How far ends of the same draw with other rows and other chance are apart, in parts of what was
# gained: the 95 % point of 20 healthy dev runs a family, by ``bench.faultbench.spread``: 0.020 and
# 0.078, rounded up.
SPREAD = {"lm": 0.03, "embedding": 0.08}


def judge(run: dict[str, Any], twin: dict[str, Any] | None) -> dict[str, Any]:
    """Codes, tier, decidable and the reason of a run with a fault; twin: its healthy run."""
    fault = FAULTS[run["fault"]]
    way = fault.planted(run["way"])
    known = twin["truth"] if twin else {}
    spread = SPREAD[run["family"]]
    words = _why(fault, run, known, spread)
    truth = run["truth"]
    if twin:
        truth["twin"] = {k: known[k] for k in ("start", "best", "end")} | {"id": twin["id"]}
        truth["spread"] = spread
    codes = list(way.codes or fault.codes)
    true = dict.fromkeys([*way.also, *fault.also, *present(run)])
    return {
        "codes": codes,
        "also": [code for code in true if code not in codes],
        "tier": fault.tier,
        "decidable": words is not None,
        "reason": words or ("needs the rows" if fault.fact is None else "no effect"),
    }


def _why(fault: Fault, run: dict[str, Any], twin: dict[str, Any], spread: float) -> str | None:
    return fault.fact(run, twin, spread) if fault.fact else None


def present(run: dict[str, Any]) -> list[str]:
    """Codes of small things that are truly so in a run without a fault."""
    evals = sum(row["kind"] == "eval" for row in run["log"])
    found = ["no-eval"] if evals == 0 else ["few-evals"] if evals < 5 else []
    updates = max((row.get("step", 0) for row in run["log"]), default=0)
    return found + (["too-few-updates"] if updates < 50 else [])
