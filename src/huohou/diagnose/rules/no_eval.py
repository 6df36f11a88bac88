"""The run was never evaluated."""

from huohou.diagnose.case import Case
from huohou.diagnose.choice import enough_evals
from huohou.diagnose.examples import run
from huohou.diagnose.rule import Cause, Need, rule
from huohou.record.finding import Finding


@rule(
    "no-eval",
    severity="warning",
    cause=Cause.WATCHING,
    needs=(Need("loss"),),
    fires=(run(loss=[2.0, 1.5, 1.2]),),
    quiet=(
        run(loss=[2.0, 1.5, 1.2], evals=[1.9, 1.4]),
        run(loss=[2.0, 1.5, 1.2], eval_accuracy=[0.5, 0.6, 0.7]),
        run(loss=[2.0, 1.5, 1.2], facts={"after_training": {"eval_loss": 1.3}}),
        Case(run(loss=[2.0, 1.5]), plan={"eval": {"path": "val.jsonl", "rows": 50}}),
    ),
    source="finetune-doctor: 41 of 88 public trainer_state.json hold no evaluation",
)
def no_eval(case: Case) -> Finding | None:
    """Training loss alone cannot tell learning from learning by heart, nor which checkpoint is
    the best. Rows that are never trained on can.
    """
    planned = case.plan is not None and case.plan.get("eval")
    if case.evaluations or planned:
        return None
    facts = [no_eval.evidence("none", n=len(case.course("loss")))]
    held_out = {"data.eval": "val.jsonl"} | enough_evals(case)
    advice = [no_eval.advice("hold_out", set=held_out), no_eval.advice("arguments")]
    return no_eval.finding(facts, advice)
