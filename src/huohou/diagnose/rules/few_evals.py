"""The run was evaluated too seldom to rank its checkpoints."""

from huohou.diagnose.case import Case
from huohou.diagnose.choice import enough_evals
from huohou.diagnose.examples import run
from huohou.diagnose.rule import Cause, rule
from huohou.record.finding import Finding

FEW = 5


@rule(
    "few-evals",
    severity="info",
    cause=Cause.WATCHING,
    needs=(),
    fires=(run(loss=[2.0, 1.5, 1.2], evals=[1.9, 1.4]), run(kl_divergence=[0.07, 0.09])),
    quiet=(
        run(loss=[2.0, 1.5, 1.2], evals=[1.9, 1.6, 1.5, 1.4, 1.3]),
        run(loss=[2.0, 1.5, 1.2]),
    ),
)
def few_evals(case: Case) -> Finding | None:
    """With fewer than 5 evaluations their noise cannot be measured, and a rise cannot be told
    from chance: neither overfitting nor the best checkpoint can be judged.
    """
    done = case.evaluations
    if not 0 < done < FEW:
        return None
    often = few_evals.advice("often", set=enough_evals(case))
    return few_evals.finding([few_evals.evidence("count", n=done)], [often], n=done)
