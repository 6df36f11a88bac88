"""The run makes too few updates to learn much."""

from huohou.diagnose.case import Case
from huohou.diagnose.choice import more_updates
from huohou.diagnose.examples import falling, lives, run
from huohou.diagnose.rule import Cause, Need, rule
from huohou.record.finding import Finding

UPDATES = 50
WANTED = 100


@rule(
    "too-few-updates",
    severity="info",
    tier="config",
    cause=Cause.DURATION,
    explains=("undertrained",),
    needs=(Need("updates"),),
    fires=(
        run(loss=[1.9, 1.7], every=5, facts={"finished": True}),
        run(loss=falling(4.2, 3.6, n=11), every=1),
        run(loss=[7.1, 6.1, 4.7], every=1, facts={"finished": True, "max_steps": 300}),
        lives(falling(5.9, 4.1, n=12), starts=(80,), every=1),
    ),
    quiet=(
        run(loss=falling(4.2, 3.6), every=10),
        run(loss=[1.9, 1.7], every=5, facts={"finished": False, "max_steps": 3000}),
        run(loss=[0.8, 0.7, 0.6], every=1, facts={"rows_counted": True}),
        lives(falling(5.9, 2.1, n=12), starts=(80,), every=10),
    ),
)
def too_few_updates(case: Case) -> Finding | None:
    """Fewer than 50 updates of the weights, warm-up among them, move little and show little.
    Counted from the plan of the run where the log has it, else from its last step; from that, too,
    where the run says that it is done: it may have been stopped long before. Where the first line
    of a log stands further from the start than lines are apart, four times and more, what lies
    before it is not counted: a count of steps can be taken over without the weights.
    """
    made = case.logged_updates
    late = made is not None and made < (case.updates or 0)
    known = (made,) if case.finished or late else (case.planned, made)
    updates = max(filter(None, known), default=None)
    if updates is None or updates >= UPDATES or (case.finished is False and not case.planned):
        return None
    facts = [too_few_updates.evidence("count", n=int(updates))]
    facts += [too_few_updates.evidence("begins_late", case.loss[0])] if late and case.loss else []
    batch, longer = more_updates(case, int(updates), WANTED)
    advice = [
        too_few_updates.advice("smaller_batch", set=batch or None),
        too_few_updates.advice("longer", set=longer or None),
    ]
    return too_few_updates.finding(facts, advice, n=int(updates))
