"""The run was never evaluated."""

from huohou.diagnose.case import Case, of_training
from huohou.diagnose.choice import enough_evals
from huohou.diagnose.examples import run
from huohou.diagnose.rule import Cause, Need, rule
from huohou.record.finding import Finding

SAME = 3  # values that are equal to the last digit: no chance


@rule(
    "no-eval",
    severity="warning",
    cause=Cause.WATCHING,
    needs=(Need("loss"),),
    fires=(
        run(loss=[2.0, 1.5, 1.2]),
        run(loss=[2.0, 1.5, 1.2], eval_train_loss=[1.8, 1.4, 1.1]),
        run(loss=[2.0, 1.5, 1.3, 1.2], eval_loss=[2.0, 1.5, 1.3, 1.2]),
    ),
    quiet=(
        run(loss=[2.0, 1.5, 1.2], evals=[1.9, 1.4]),
        run(loss=[2.0, 1.5, 1.2], evals=[1.9, 1.4], eval_train_loss=[1.8, 1.4, 1.1]),
        run(loss=[2.0, 1.5, 1.2], eval_accuracy=[0.5, 0.6, 0.7]),
        run(loss=[2.0, 1.5, 1.2], facts={"after_training": {"eval_loss": 1.3}}),
        Case(run(loss=[2.0, 1.5]), plan={"eval": {"path": "val.jsonl", "rows": 50}}),
    ),
    source="finetune-doctor: 41 of 88 public trainer_state.json hold no evaluation",
)
def no_eval(case: Case) -> Finding | None:
    """Training loss alone cannot tell learning from learning by heart, nor which checkpoint is the
    best. Rows that are never trained on can. An evaluation that by its name (train, training) is
    one of the training rows is none, nor is one whose loss is the training loss to the last digit,
    three times and more, nor a single one from before the first update.
    """
    planned = case.plan is not None and case.plan.get("eval")
    named = sorted(n for n in case.record.series if n.startswith("eval_") and of_training(n))
    same = _same(case)
    before = _before(case)
    if (case.evaluations or planned) and not same and not before:
        return None
    facts = [no_eval.evidence("none", n=len(case.course("loss")))] if not (same or before) else []
    facts += [no_eval.evidence("of_training", names=", ".join(named[:3]))] if named else []
    facts += [no_eval.evidence("same", case.evals[-1], n=len(case.evals))] if same else []
    facts += [no_eval.evidence("before", case.evals[-1])] if before else []
    held_out = {"data.eval": "val.jsonl"} | enough_evals(case)
    advice = [no_eval.advice("hold_out", set=held_out), no_eval.advice("arguments")]
    return no_eval.finding(facts, advice)


def _before(case: Case) -> bool:
    """Whether the one evaluation there is came before the first update of a run that has ended."""
    only = len(case.evals) == case.evaluations == 1
    return only and bool(case.finished) and case.evals[0].step == 0 and bool(case.updates)


def _same(case: Case) -> bool:
    """Whether the evaluation loss is the training loss of the same place, all along."""
    evals, losses = case.evals, case.loss
    if len(evals) < SAME or not {*evals.places.tolist()} <= {*losses.places.tolist()}:
        return False
    beside = dict(zip(losses.places.tolist(), losses.values.tolist(), strict=True))
    values = evals.values.tolist()
    at = evals.places.tolist()
    return len(set(values)) >= SAME and all(beside[p] == v for p, v in zip(at, values, strict=True))
