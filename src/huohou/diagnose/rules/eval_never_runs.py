"""Evaluations are planned and never happen."""

from huohou.diagnose.case import Case
from huohou.diagnose.choice import enough_evals
from huohou.diagnose.examples import falling, run
from huohou.diagnose.rule import Cause, Need, Outcome, rule
from huohou.diagnose.settings import amount, setting
from huohou.record.finding import Evidence

EPOCHS = 1.0  # a run that ends before has no evaluation at an epoch's end

LOSS = falling(2.0, 1.0, n=20)


@rule(
    "eval-never-runs",
    severity="warning",
    tier="config",
    cause=Cause.WATCHING,
    needs=(Need("loss"),),
    explains=("no-eval", "few-evals"),
    fires=(
        run(loss=LOSS, facts={"eval_strategy": "steps", "eval_steps": 500, "max_steps": 200}),
        run(
            loss=LOSS,
            evals=[1.1],
            facts={"eval_strategy": "steps", "eval_steps": 500, "max_steps": 200},
        ),
        run(loss=LOSS, facts={"eval_strategy": "steps", "eval_rows": 0}),
        run(
            loss=LOSS,
            facts={"eval_strategy": "steps", "eval_steps": 50, "eval_delay": 500, "max_steps": 200},
        ),
        run(loss=LOSS, epochs=0.6, facts={"eval_strategy": "epoch", "finished": True}),
        run(loss=LOSS, facts={"eval_strategy": "steps", "eval_steps": 50, "finished": True}),
    ),
    quiet=(
        run(loss=LOSS, evals=[1.5, 1.2], facts={"eval_strategy": "steps", "eval_steps": 100}),
        run(loss=LOSS, facts={"eval_strategy": "no", "eval_steps": 500, "max_steps": 200}),
        run(loss=LOSS, facts={"eval_strategy": "steps", "eval_steps": 500, "max_steps": 2000}),
        run(loss=LOSS, facts={"eval_steps": 500, "max_steps": 200}),
        run(loss=LOSS, facts={"eval_strategy": "epoch", "finished": False}),
    ),
)
def eval_never_runs(case: Case) -> Outcome:
    """The settings ask for evaluations, and the log has none, or only that of the last weights:
    they come, or begin, after more updates than the run makes, or at the end of an epoch that is
    never reached, or there are no rows to evaluate on, or the run has finished without a single
    one. Settings that ask for none, and evaluations that say nothing but how long they took, are
    ``no-eval``.
    """
    ran = any(name.startswith("eval_") and case.course(name) for name in case.record.series)
    if case.evaluations > 1 or (ran and not _only_at_the_end(case)):
        return None
    strategy = setting(case, "eval_strategy")
    if strategy is None:
        return Need("fact:eval_strategy")
    asked = str(strategy).rpartition(".")[2].lower()
    facts = _why(case, asked) if asked in ("steps", "epoch") else []
    if not facts:
        return None
    held_out = {"data.eval": "val.jsonl"} if case.record.facts.get("eval_rows") == 0 else {}
    advice = [
        eval_never_runs.advice("often", set=held_out | enough_evals(case)),
        eval_never_runs.advice("rows"),
    ]
    return eval_never_runs.finding(facts, advice)


def _only_at_the_end(case: Case) -> bool:
    """Whether the one evaluation is that of the last weights, which Trainers make by themselves."""
    last = case.evals[-1].step if case.evals else None
    each = amount(case, "eval_steps") or 0.0
    return last is not None and last == case.updates and each > last


def _why(case: Case, asked: str) -> list[Evidence]:
    """What keeps the evaluations away."""
    rows = case.record.facts.get("eval_rows")
    if rows == 0:
        return [eval_never_runs.evidence("no_rows")]
    length = case.planned or (case.updates if case.finished else None)
    each = amount(case, "eval_steps")
    if asked == "steps" and each and length and each > max(length, 1):
        return [eval_never_runs.evidence("too_late", each=round(each), length=length)]
    delay = amount(case, "eval_delay")
    if asked == "steps" and delay and length and delay > length:
        return [eval_never_runs.evidence("delay", delay=round(delay), length=length)]
    if case.finished is not True:
        return []
    if asked == "epoch" and case.epochs is not None and case.epochs < EPOCHS:
        return [eval_never_runs.evidence("no_epoch", epochs=case.epochs)]
    return [eval_never_runs.evidence("none", length=case.updates or 0)]
