"""Which weights to take, said in the words of the rule that asks."""

from huohou.diagnose.case import Case
from huohou.diagnose.rule import Rule, where
from huohou.record.finding import Advice
from huohou.record.record import Point


def use(rule: Rule, case: Case, best: Point) -> Advice:
    """Which weights to take: of the checkpoints that are there, the best."""
    kept = case.kept()
    if kept is None or kept == best:
        return rule.advice("use_best", where=where(best))
    if kept == case.evals[-1]:
        return rule.advice("keep_best", where=where(best))
    return rule.advice("use_kept", where=where(best), step=kept.step, value=kept.value)
