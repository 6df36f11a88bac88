"""The model does not end its answers by itself."""

from huohou.diagnose.case import Case
from huohou.diagnose.rule import Cause, Need, Outcome, rule
from huohou.diagnose.served import seen_of, served, side

FEW = 0.5  # of the free answers


@rule(
    "never-stops",
    severity="error",
    tier="probe",
    cause=Cause.SERVING,
    needs=(Need("probe"),),
    fires=(
        served((side(stop={"known": True, "ends": [2], "missing": [2]}),)),
        served((side(stops={"asked": 16, "stopped": 0, "trained": 16}),)),
        served((), stopped=2),
    ),
    quiet=(
        served((side(),)),
        served((side(stops={"asked": 16, "stopped": 15, "trained": 16}),)),
        served((side(stop={"known": False, "ends": [2], "missing": []}),)),
        served((), stopped=16),
    ),
)
def never_stops(case: Case) -> Outcome:
    """Free answers are given room for twice the longest answer of the training. Fewer than half of
    them end by themselves: by the tuned model as training left it, or served. Or the token that
    ends the answers of the training is none of those that a way of serving stops at.
    """
    seen = seen_of(case)
    if seen is None:
        return Need("probe")
    facts, keys = [], []
    trained = seen["trained"]
    asleep = trained["answers"] and trained["stopped"] < FEW * trained["answers"]
    if asleep:
        told = {"n": trained["stopped"], "of": trained["answers"]}
        facts.append(never_stops.evidence("trained", **told))
        keys.append("train")
    for one in seen["sides"]:
        missing, stops = one["stop"]["missing"], one.get("stops")
        if missing:
            ids = ", ".join(map(str, missing))
            facts.append(never_stops.evidence("token", side=one["side"], ids=ids))
        if stops and stops["stopped"] < FEW * stops["asked"] and not asleep:
            told = {"n": stops["stopped"], "of": stops["asked"], "trained": stops["trained"]}
            facts.append(never_stops.evidence("side", side=one["side"], **told))
    if not facts:
        return None
    advice = [never_stops.advice(key) for key in keys or ["stop"]]
    return never_stops.finding(facts, advice)
