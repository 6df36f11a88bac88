"""Which model is the result: stage 1, unless stage 2 is shown to rank unseen questions better."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from huohou.measure.intervals import LEVEL, paired_interval

Chosen = Literal["stage1", "stage2", "blend"]
# better: shown; not_better: not shown; worse: shown to be worse; unseen_needed: nothing held out;
# trained_on_eval: the questions were trained on, so they show nothing.
Reason = Literal["better", "not_better", "worse", "unseen_needed", "trained_on_eval"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What was chosen and by which numbers. level: of the interval, after the correction for
    having picked the best of ``among`` models on the same questions."""

    chosen: Chosen
    reason: Reason
    metric: str = ""
    before: float | None = None
    after: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    level: float = LEVEL
    queries: int = 0
    groups: int = 0
    among: int = 1
    trained_on_eval: bool = False

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


def decide(
    metric: str,
    before: Sequence[float],
    after: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    among: int = 1,
    trained_on_eval: bool = False,
    candidate: Chosen = "stage2",
) -> Decision:
    """The candidate replaces stage 1 only where the paired interval of the gain is above 0.

    before, after: the metric of each held-out question, the same questions in the same order;
    groups: questions with an equal key share a passage and are drawn together; among: how many
    models the candidate was picked from by these same questions: the interval is widened to a
    level of 1 - 0.05/among (Bonferroni), or the best of many lucky ones would pass.
    """
    if not before:
        return Decision("stage1", "unseen_needed", metric)
    level = 1 - (1 - LEVEL) / max(1, among)
    found = paired_interval(after, before, groups, level)
    means: Mapping[str, Any] = {
        "before": sum(before) / len(before),
        "after": sum(after) / len(after),
        "difference": found.value,
        "low": found.low,
        "high": found.high,
        "level": level,
        "queries": found.n,
        "groups": found.groups,
        "among": among,
        "trained_on_eval": trained_on_eval,
    }
    if trained_on_eval:
        return Decision("stage1", "trained_on_eval", metric, **means)
    if found.low is not None and found.low > 0:
        return Decision(candidate, "better", metric, **means)
    worse = found.high is not None and found.high < 0
    return Decision("stage1", "worse" if worse else "not_better", metric, **means)
