"""The evaluation loss follows the training loss too closely: are its rows in the training data?"""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, stdev

import numpy as np

from huohou.diagnose.case import Case, place
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.known import at_start
from huohou.diagnose.lag import train_at
from huohou.diagnose.rule import Cause, Need, Outcome, rule, show
from huohou.diagnose.settings import amount
from huohou.record.columns import Series
from huohou.record.finding import Evidence, Finding

PASSES = 5
EVALS = 4
FELL = 0.8  # of the first loss
SINCE = 0.5  # of what it was after the first pass
GAP = 0.25  # of the training loss: what the gap must lie within above, with its interval
BELOW = 0.10  # and below: a lower evaluation loss has other causes
FEW_ROWS = 300  # so few that are seen again and again are learnt by heart: of what the training
SHARED = 0.3  # loss gained since the first pass, as a logarithm, unseen rows do not get this part,
HEART = 0.1  # of the loss after the first pass is left: the rows are known by heart,
HALVED = 0.5  # of its first value is left of the evaluation loss,
HELD = 1.15  # and it has stayed within this of its lowest: that of unseen rows would have risen
KEPT = 1.15  # and keep it to within this at the end
PART_KEPT = 0.2  # or to within this part of all it gained, as logarithms: small losses waver more,
UNDER = 0.65  # of the training loss, and of what that part was at first: the evaluation is better
KNOWN = 0.2  # nats: both losses are below this (that of training, twice) when the run begins
MOST = 1e6  # times as much as training: said of no more

DEEP = falling(3.0, 0.05, n=60, rate=6)


def _beside(values: Sequence[float], evals: int, factor: float = 1.0) -> list[float]:
    """Evaluations that are equal to the training loss of these values."""
    at = [round((i + 1) * len(values) / evals) - 1 for i in range(evals)]
    return [factor * values[i] for i in at]


@rule(
    "leak-suspected",
    severity="warning",
    cause=Cause.DATA,
    needs=(Need("eval_loss", EVALS), Need("loss", 10), Need("epochs")),
    explains=("memorised", "undertrained"),
    fires=(
        run(loss=DEEP, evals=_beside(DEEP, 10), epochs=10),
        run(loss=DEEP, evals=falling(1.9, 0.3, n=10), epochs=10, facts={"rows": 64}),
        run(
            loss=falling(4.4, 0.005, n=60, rate=8),
            evals=[1.9, 1.2, 0.9, 0.8, 0.75, 0.72, 0.71, 0.71],
            epochs=20,
            facts={"rows": 64},
        ),
        run(
            loss=falling(0.15, 0.005, n=60),
            evals=[0.08, 0.06, 0.062, 0.07, 0.09, 0.11],
            epochs=8,
            facts={"rows": 60},
        ),
        run(loss=line(0.1, 0.05, n=60), evals=[0.1, 0.09, 0.08, 0.08], facts={"fold": 3}, epochs=2),
        run(
            loss=[*falling(4.6, 0.4, n=30), *line(0.4, 0.9, n=30)],
            evals=[2.3, 1.1, 0.6, 0.4, 0.3, 0.25, 0.21, 0.2, 0.2],
            epochs=27,
            facts={"rows": 40},
        ),
    ),
    quiet=(
        run(loss=line(0.1, 0.05, n=60), evals=[0.1, 0.09, 0.08, 0.08], facts={"fold": 1}, epochs=2),
        run(
            loss=falling(0.4, 0.2, n=60), evals=[0.33, 0.3, 0.27, 0.25], facts={"fold": 3}, epochs=4
        ),
        run(
            loss=falling(0.15, 0.005, n=60),
            evals=[1.8, 1.7, 1.7, 1.8, 1.9],
            epochs=8,
            facts={"rows": 60},
        ),
        run(loss=DEEP, evals=_beside(DEEP, 10), epochs=2),
        run(loss=DEEP, evals=_beside(DEEP, 10, 1.5), epochs=10),
        run(loss=DEEP, evals=_beside(DEEP, 10, 0.7), epochs=10),
        run(loss=falling(3.0, 1.5, n=60), evals=_beside(falling(3.0, 1.5, n=60), 10), epochs=10),
        run(loss=DEEP, evals=[1.0, 0.8, 0.75, 0.74, 0.75, 0.78, 0.8], epochs=10),
        run(loss=DEEP, evals=falling(1.9, 0.3, n=10), epochs=10, facts={"rows": 6400}),
        run(
            loss=DEEP,
            evals=[1.9, 1.7, 1.6, 1.5, 1.45, 1.42, 1.4, 1.4],
            epochs=10,
            facts={"rows": 64},
        ),
    ),
)
def leak_suspected(case: Case) -> Outcome:
    """After more than 5 passes the training loss has fallen by more than 80 %, and to less than
    half of what it was after the first pass; yet the evaluation loss has come along: the 95 %
    interval of its ratio to the training loss over the second half of the evaluations lies between
    0.9 and 1.25. Compared are the training losses between two evaluations with the mean of the two,
    so that neither lags behind the other. With fewer than 300 rows less is enough: an evaluation
    loss that came along with 30 % of what the training loss gained after the first pass, as a
    logarithm, and ends within 15 % of its lowest; or, of a language model, where a tenth of the
    training loss after the first pass is left and the rows are known by heart, an evaluation loss
    that was halved and stays within 15 % of its lowest, where that of unseen rows rises: a part of
    its rows may be known. Or a language model knows both kinds of rows when the run begins: its
    first evaluation is below 0.2 nats and its first training losses below 0.4, in a later fold of a
    cross-validation, whose model should be as new as that of the first, or in a run that was made
    long for so few rows. Or, of a language model on so few rows, the evaluation loss falls under
    0.65 times the training loss, and to as small a part of what that ratio was: then its rows, not
    those of the training, are the ones known by heart. What an earlier fold or stage was trained on
    is evaluated here. Rows that are seen again and again are answered better than new ones, unless
    the new ones are among them. A task that can be solved exactly gives the same picture: that
    cannot be told from a log, and the data decide. Quiet where the evaluation loss is below the
    training loss (dropout), and where no pass was repeated. Small losses waver more: keeping to
    within a fifth of all that was gained, as logarithms, is within 15 %. Rows that are not told are
    counted by the updates of a pass and the batch.
    """
    passes, values = case.epochs, case.losses
    if passes is None or case.objective != "likelihood":
        return None
    if passes <= PASSES and not (amount(case, "fold") or 0) > 1:
        return None
    evals, losses = case.evals, case.loss
    if len(evals) < EVALS or len(values) < 10:
        return Need("eval_loss", EVALS)
    later_fold = (amount(case, "fold") or 0) > 1
    known = _known_at_start(case) if later_fold or _few(case) else None
    if known or passes <= PASSES:
        return known
    if below := _below(case):
        return below
    once = np.flatnonzero(losses.epochs <= 1.0)
    after_one = values[int(once[-1])] if len(once) else values[0]
    end = float(np.median(losses.values[-max(3, len(values) // 20) :]))
    if end <= 0 or end > (1 - FELL) * values[0] or end > SINCE * after_one:
        return None
    ratio = _log_ratio(losses, evals[len(evals) // 2 - 1 :])
    if ratio is None:
        return _comes_along(case, after_one, end)
    low, high = ratio[0] - ratio[1], ratio[0] + ratio[1]
    if high > math.log(1 + GAP) or low < -math.log(1 + BELOW):
        return _comes_along(case, after_one, end)
    return _finding(case, after_one, _gap(case, math.exp(ratio[0])))


def _below(case: Case) -> Finding | None:
    """A language model that answers the rows of the evaluation better and better, and at last far
    better than the few it was trained on many times: what is learnt by heart are those."""
    evals, first = case.evals.values, float(case.evals.values[0])
    ratio = evals / np.maximum(train_at(case.loss, case.evals), 1e-12)
    third = len(ratio) // 3
    if case.embedding or not _few(case) or third < 2 or not np.isfinite(ratio).all():
        return None
    before, after = (float(np.median(part)) for part in (ratio[:third], ratio[-third:]))
    last = float(np.median(evals[-third:]))
    if not (after < UNDER and after < UNDER * before and 0 < last < SINCE * first):
        return None
    fact = leak_suspected.evidence("below", case.evals[-1], ratio=show(after), before=show(before))
    return _finding(case, case.losses[0], fact)


def _few(case: Case) -> bool:
    rows = _rows(case)
    return bool(rows and rows < FEW_ROWS)


def _rows(case: Case) -> float | None:
    """Rows of the training, where they are not known by the updates of a pass and the rows that
    an update takes."""
    known, updates, passes = amount(case, "rows"), case.updates, case.epochs
    size = amount(case, "total_batch_size") or amount(case, "batch_size")
    if known or not updates or not passes or not size:
        return known
    return round(updates / passes * size * (amount(case, "gradient_accumulation") or 1))


def _known_at_start(case: Case) -> Finding | None:
    """Rows of both kinds that a language model answers nearly by heart before it is trained on
    them."""
    first, start = case.evals[0], at_start(case)
    if case.embedding or not 0 < first.value < KNOWN or start >= 2 * KNOWN:
        return None
    fold = amount(case, "fold")
    told = {"start": start, "fold": int(fold)} if fold and fold > 1 else {"start": start}
    fact = leak_suspected.evidence("fold" if "fold" in told else "known", first, **told)
    advice = [leak_suspected.advice(key) for key in ("fresh", "check")]
    facts = [fact] if "fold" in told else [fact, leak_suspected.evidence("open")]
    return leak_suspected.finding(facts, advice, passes=show(case.epochs or 0.0))


def _comes_along(case: Case, after_one: float, end: float) -> Finding | None:
    """The evaluation loss shares what training gains on few rows that it sees again and again."""
    rows, evals = _rows(case), case.evals
    later = evals.values[evals.epochs >= 1.0]
    if not rows or not _few(case) or len(later) < EVALS or later.min() <= 0:
        return None
    last = float(np.median(later[-3:]))
    shared = min(math.log(later[0] / last) / math.log(after_one / end), MOST)
    first = float(evals.values[0])
    held = (
        not case.embedding
        and end < HEART * after_one
        and last < HALVED * first
        and last <= HELD * later.min()
    )
    if held and shared < SHARED:
        return _finding(case, after_one, leak_suspected.evidence("held", evals[-1], first=first))
    gained = math.log(later[0] / later.min())
    if shared < SHARED or math.log(last / later.min()) > max(math.log(KEPT), PART_KEPT * gained):
        return None
    fact = leak_suspected.evidence("shared", evals[-1], rows=rows, percent=round(100 * shared))
    return _finding(case, after_one, fact)


def _log_ratio(losses: Series, evals: Series) -> tuple[float, float] | None:
    """Mean of the logarithm of evaluation over training loss, and half its 95 % interval.

    Compared are the training losses between two evaluations with the mean of these two: both
    belong to the middle of that time.
    """
    places, values = losses.places, losses.values
    logs = []
    for before, after in pairwise(evals):
        between = values[(places > place(before)) & (places <= place(after))]
        if not len(between):
            continue
        mean = float(between.mean())
        around = (before.value + after.value) / 2
        if mean <= 0 or around <= 0:
            return None
        logs.append(math.log(around / mean))
    if len(logs) < 2:
        return None
    return fmean(logs), 1.96 * stdev(logs) / math.sqrt(len(logs))


def _gap(case: Case, ratio: float) -> Evidence:
    last = case.evals[-1]
    train = float(train_at(case.loss, case.evals[-1:])[0])
    return leak_suspected.evidence("gap", last, train=train, ratio=show(ratio))


def _finding(case: Case, after_one: float, fact: Evidence) -> Finding:
    facts = [
        fact,
        leak_suspected.evidence("fell", case.loss[-1], start=case.losses[0], once=after_one),
        leak_suspected.evidence("open"),
    ]
    advice = [leak_suspected.advice("check"), leak_suspected.advice("split")]
    return leak_suspected.finding(facts, advice, passes=show(case.epochs or 0.0))
