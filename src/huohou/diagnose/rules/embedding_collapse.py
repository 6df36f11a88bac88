"""All embeddings are the same vector."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from huohou.diagnose.case import Case
from huohou.diagnose.curves import level, noise
from huohou.diagnose.embedding import (
    POINTS,
    Seen,
    batches_differ,
    beats_guessing,
    contrasts,
    fallen_together,
    flat,
    kind,
    logit_std,
    one_vector,
    ranked,
    seen,
    sits_at,
    tail,
    told,
    too_early,
    vanished,
)
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.rule import Cause, Outcome, rule
from huohou.diagnose.scores import score
from huohou.diagnose.settings import amount
from huohou.measure.contrast import lead_of, one_logit_loss
from huohou.measure.reference import COIN_LOSS, in_batch_loss, logit_of, softplus
from huohou.record.finding import Evidence, Severity
from huohou.record.record import Record
from huohou.text import say

PINNED = 0.002  # a part of the constant: similarities that differ by a hundredth leave it
DIGITS = 6e-5  # a loss of four decimals is the constant
ALIKE = 0.02  # right pairs this near to a cosine of 1, all of them
BEGINS = 0.02  # of ln N: a loss that begins so near to it begins with similarities all alike,
AHEAD = 0.03  # and if right ones end no further ahead than this, as a difference of cosines,
REACHED = 0.95  # of a logistic loss with all cosines 1: so have all pairs of that line,
TWICE = 2  # more often than by chance
USUAL_DECAY = 0.01  # of the weights, with each unit of the learning rate
MOST_DECAY = 1.0  # that anybody trains a transformer with
SETTLED = 0.02  # of ln N: with a loss that moves no more than this, they lie in a narrow cone

BATCH = {"loss_kind": "in-batch", "batch_size": 32}
LOGISTIC = {"loss_kind": "logistic", "scale": 5.0}
THREE = {"loss_kind": "logistic", "scale": 3.0}
EIGHT = {"loss_kind": "logistic", "scale": 8.0}
TEACHER = {"loss_kind": "embedding-mse", "candidates": 8}
TAUGHT_ONE = [*falling(2.07, 0.23, n=30), *line(0.22, 0.2, n=10)]
PAIRS = {"loss_kind": "contrastive", "margin": 0.3, "candidates": 8}
PULLED = [*falling(1.05, 0.01, n=12, rate=6), *[0.0004, 0.0001, 0.0006, 0.0002] * 5]
GONE_TOO = [0.6, 0.0133, 0.0007, 0.0004, 0.0002, 0.0003]
ONES = {"loss_kind": "logistic", "scale": 1.0}
STUCK = Record({"path": "earlier"}, run(loss=[0.3133] * 3).series)
REPAIRED = run(loss=[0.69, 0.41, 0.33, 0.29, 0.27], facts={"loss_kind": "logistic"})


@rule(
    "embedding-collapse",
    severity="error",
    cause=Cause.GEOMETRY,
    needs=(),
    explains=("at-chance", "loss-stuck", "undertrained", "hinge-floor"),
    fires=(
        run(loss=line(3.4657, 3.4657, n=30, noise=0.0005), facts=BATCH),
        run(loss=[0.3133] * 4),
        run(loss=[0.0067, 0.0067, 0.0067], facts=LOGISTIC),
        run(loss=[*falling(3.2, 1.5, n=20), *line(3.466, 3.4655, n=15, noise=0.0003)], facts=BATCH),
        run(loss=falling(2.0, 1.0, n=20), pos_sim=[0.9, 0.997], neg_sim=[0.5, 0.996]),
        run(loss=falling(2.0, 1.0, n=20), eval_spearman_cosine=[0.4, math.nan]),
        run(loss=[*falling(0.6, 0.316, n=20), *line(0.316, 0.3145, n=20, noise=0.001)], facts=ONES),
        run(loss=line(0.3, 0.3, n=30, noise=0.0001), facts={"margin": 0.3}),
        run(
            loss=[*falling(0.9, 0.8, n=20), *[1.2, 3.95, 0.8, 2.2, 3.99, 1.1, 2.6] * 4], facts=EIGHT
        ),
        run(loss=[0.0486] * 12, more={"eval_cosine_accuracy@1": [0.9, 1.0]}, facts=THREE),
        run(loss=line(0.4506, 0.4506, noise=0.001), facts={**LOGISTIC, "negatives": 5}),
        run(loss=falling(3.47, 3.26, n=30, noise=0.001), facts={**BATCH, "scale": 15}),
        run(loss=TAUGHT_ONE, more={"eval_accuracy@1": [0.1, 0.2, 0.29]}, facts=TEACHER),
        run(loss=PULLED, evals=GONE_TOO, facts=PAIRS),
        run(loss=PULLED, evals=GONE_TOO, more={"eval_accuracy@1": [0.1, 0.2, 0.2]}, facts=PAIRS),
        Record({"path": "now"}, REPAIRED.series, REPAIRED.facts, others=(STUCK,)),
    ),
    quiet=(
        run(loss=falling(3.4, 0.4), facts=BATCH),
        run(loss=line(3.42, 3.3, n=30), facts=BATCH),
        run(loss=line(3.4657, 3.4657, n=30, noise=0.0005)),
        run(loss=line(3.4657, 3.4657, n=6, noise=0.0005), facts=BATCH),
        run(loss=[0.3133, 0.3129, 0.3120, 0.3109]),
        run(loss=[0.3313, 0.3313, 0.3313]),
        run(loss=[*falling(0.9, 0.8, n=20), *[1.2, 2.9, 0.8, 2.2, 3.1, 1.1, 2.6] * 4], facts=EIGHT),
        run(loss=[3.99, 3.97, *falling(3.5, 0.3, n=30)], facts=EIGHT),
        run(loss=line(0.3, 0.3, n=30, noise=0.03), facts={"margin": 0.3}),
        run(loss=[3.4657] * 20, more={"eval_cosine_accuracy@1": [0.7, 0.8]}, facts=BATCH),
        run(loss=falling(2.0, 0.3, n=20), pos_sim=[0.9, 0.8], neg_sim=[0.8, 0.1]),
        run(loss=falling(2.0, 0.3, n=20), eval_spearman_cosine=[0.4, 0.7]),
        run(loss=falling(3.47, 2.2, n=30, noise=0.001), facts={**BATCH, "scale": 15}),
        run(
            loss=falling(2.8, 2.4, n=30, noise=0.2), facts={**BATCH, "batch_size": 16, "scale": 30}
        ),
        run(loss=TAUGHT_ONE, more={"eval_accuracy@1": [0.2, 0.6, 0.8]}, facts=TEACHER),
        run(loss=falling(4.6, 3.26, n=30, noise=0.001), facts={**BATCH, "scale": 15}),
        run(loss=PULLED, evals=GONE_TOO, more={"eval_accuracy@1": [0.2, 0.7, 0.9]}, facts=PAIRS),
        run(loss=PULLED, evals=[0.5, 0.2, 0.1, 0.05, 0.04, 0.04], facts=PAIRS),
        run(loss=falling(3.0, 0.3), evals=[0.0] * 6, facts={**BATCH, "scale": 20.0}),
        Record({"path": "now"}, REPAIRED.series, REPAIRED.facts, others=(REPAIRED,)),
    ),
)
def embedding_collapse(case: Case) -> Outcome:
    """A loss cannot tell embeddings apart that are all alike, and then has a value that is known
    beforehand: ln N in a batch of N candidates, softplus(-s) for positives only with a scale s
    (0.3133 for 1), the entropy of the labels for a logistic loss with negatives, the margin of a
    ranking loss. The loss is counted as sitting there when its last third lies within 0.2 % of it
    and varies as little, or when three values or more equal it to the digits. A logistic loss with
    a known scale that ends where right pairs must have a mean cosine above 0.98 leaves no room for
    wrong ones either; nor does one that swings up to what cosines of 1 throughout give, twice or
    more within 5 % and never beyond, and ends above that of no answer. It is said too where logged
    similarities of positives and negatives are both above 0.95 and less than 0.01 apart, and where
    a rank correlation is NaN, which it is for constant similarities (and for constant labels: where
    it is NaN from the first evaluation on and the evaluation loss moves, those are meant). And
    where an in-batch loss begins within 2 % of ln N and ends, without moving any more, where by its
    scale right pairs are less than 0.03 of a cosine ahead of wrong ones (a warning where they rank
    well all the same; not where batches differ by more than 1 % of ln N at the start, as they do
    where another scale is at work). And where a loss that is a distance, of right pairs or to a
    teacher's embeddings, fell to a quarter, that of the evaluation, too, and yet less than half of
    the first places above guessing are right; or where it is below 0.5 % of its first value, for
    pairs never trained on as well, and no score says otherwise: new texts of one meaning come near
    each other, but to one place only where all texts are. Runs that a report tells of besides its
    own are judged likewise. Scores far above guessing refute it, but not for a logistic training
    loss at its floor: there all right pairs have a cosine of 1, and what still ranks is in digits
    that the loss does not see. A log that says nothing of what was trained counts where its loss is
    ln of the batch, or of twice the batch, to the printed digits.
    """
    earlier = [
        fact for other in case.record.others for fact in _at_constant(Case(other), "earlier")
    ]
    now = list(_at_constant(case))
    now += [] if now else [*_one_target(case)]
    if not _ranking(case):
        now += [*_similar(case), *_nan(case), *([] if now else _as_one(case))]
    narrow = [] if now else [*_narrow(case)]
    now += narrow
    if not now and not earlier:
        return None
    severity: Severity = "warning" if narrow and _ranking(case) else "error"
    which = say(f"rule.embedding-collapse.run.{'now' if now else 'earlier'}")
    keys = ("watch", "negatives", "lower_rate") if now else ("watch", "negatives")
    advice = [embedding_collapse.advice(key) for key in keys]
    if _shrunk(case):
        usual = {"train.weight_decay": USUAL_DECAY}
        advice.insert(0, embedding_collapse.advice("weight_decay", set=usual))
    return embedding_collapse.finding([*now, *earlier], advice, severity, run=which)


def _shrunk(case: Case) -> bool:
    """Whether the embeddings were apart at the start and were not held there: nothing that only
    stands still, nor a run whose other settings are known to be the reason."""
    decay = amount(case, "weight_decay")
    return decay is None or decay > MOST_DECAY


@dataclass(frozen=True, slots=True)
class Constant:
    """What a loss sits at. spread: how far the logits spread at most, where that is known; sure:
    that no score of a ranking refutes it."""

    name: str
    value: float
    spread: float | None = None
    sure: bool = False


def _ranking(case: Case) -> list[Seen]:
    """Scores that lie far above guessing."""
    return [one for one in seen(case) if one.when != "before" and beats_guessing(case, one)]


def _at_constant(case: Case, key: str | None = None) -> Iterator[Evidence]:
    """The constant that the training loss, else the evaluation loss, ended at."""
    for points in (case.loss, case.evals) if case.embedding else (case.loss,):
        values: list[float] = points.values.tolist()
        if not values or too_early(case):
            continue
        found = _constant(case, values)
        sure = found is not None and found.sure and points is case.loss
        ranking = _ranking(case) if found else []
        if found is None or (ranking and not sure):
            continue
        key = key or ("constant" if found.spread is None else "spread")
        yield embedding_collapse.evidence(
            key,
            points[-1],
            constant=found.name,
            equals=found.value,
            n=len(tail(values)),
            spread=f"{found.spread or 0.0:.2g}",
        )
        for one in ranking[:1]:
            yield embedding_collapse.evidence("ranks", one.point, name=one.name, told=one.value)
        return


def _constant(case: Case, values: list[float]) -> Constant | None:
    for n in contrasts(case):
        if sits_at(values, in_batch_loss(n), PINNED):
            spread = logit_std(level(tail(values)) + PINNED * in_batch_loss(n), n)
            return Constant(f"ln {n}", in_batch_loss(n), spread)
    margin, negatives = told(case, "margin"), told(case, "negatives")
    if margin and sits_at(values, margin, PINNED):
        return Constant(say("rule.embedding-collapse.margin"), margin)
    if kind(case) == "logistic" and negatives:
        entropy = one_logit_loss(negatives)
        if sits_at(values, entropy, PINNED):
            return Constant(f"H(1/{1 + negatives:g})", entropy)
    if flat(values):
        return _positives_only(case, level(values))
    return _nearly_one(case, values)


def _positives_only(case: Case, value: float) -> Constant | None:
    scale = told(case, "scale")
    if kind(case) in ("in-batch", "margin"):
        return None
    for s in (1.0,) if scale is None else (scale, 1.0):
        if abs(value - softplus(-s)) < DIGITS < softplus(-s):
            sure = kind(case) == "logistic" and s == scale
            return Constant(f"softplus(-{s:g})", softplus(-s), sure=sure)
    if kind(case) == "logistic" and 0 < value < math.log(2):
        return Constant(f"softplus(-{logit_of(value):.4g})", value)
    return None


def _nearly_one(case: Case, values: list[float]) -> Constant | None:
    """A logistic loss so low that right pairs are all alike, and wrong ones cannot be apart."""
    scale, end = told(case, "scale"), tail(values)
    if kind(case) != "logistic" or not scale or len(values) < POINTS:
        return None
    middle = level(end)
    if middle <= 0 or noise(end) > ALIKE * middle:
        return None
    near = 1 - ALIKE <= logit_of(middle) / scale <= 1 + PINNED
    return Constant(f"softplus(-{scale:g})", softplus(-scale), sure=True) if near else None


def _one_target(case: Case) -> Iterator[Evidence]:
    """A distance that has gone, between right pairs or to a teacher, and wrong pairs with it."""
    first, among = fallen_together(case), ranked(case)
    if first is not None:
        key = "one_target" if "mse" in (kind(case) or "") else "one_place"
        told = {"first": case.losses[0], "name": first.name, "told": first.value, "n": among}
        yield embedding_collapse.evidence(key, case.loss[-1], **told)
    elif vanished(case) and not _ranking(case):
        first_loss = level(case.losses[:3])
        yield embedding_collapse.evidence("vanished", case.evals[-1], first=first_loss)


def _narrow(case: Case) -> Iterator[Evidence]:
    """An in-batch loss that begins at ln N and ends where right pairs are hardly ahead of wrong
    ones: all embeddings lie close together, though their order may be right."""
    values, scale = case.losses, told(case, "scale")
    if kind(case) != "in-batch" or not scale or len(values) < POINTS or too_early(case):
        return
    end = tail(values)
    for n in contrasts(case):
        constant = in_batch_loss(n)
        ahead = lead_of(level(end), n) / scale if level(end) > 0 else 1.0
        alike = abs(level(values[:3]) / constant - 1) <= BEGINS and noise(end) < SETTLED * constant
        if alike and -AHEAD < ahead < AHEAD and not batches_differ(case, n):
            facts = {"constant": f"ln {n}", "ahead": f"{ahead:.2g}", "scale": scale}
            yield embedding_collapse.evidence("narrow", case.loss[-1], first=values[0], **facts)
            for one in _ranking(case)[:1]:
                yield embedding_collapse.evidence("ranks", one.point, name=one.name, told=one.value)
            return


def _as_one(case: Case) -> Iterator[Evidence]:
    """A logistic loss of as many right as wrong pairs that reaches, and never passes, what it is
    when all pairs have a cosine of 1, and that ends no better than without an answer."""
    values, scale = case.losses, told(case, "scale")
    if kind(case) != "logistic" or not scale or len(values) < POINTS or too_early(case):
        return
    most = (softplus(scale) + softplus(-scale)) / 2
    reached = sum(value > REACHED * most for value in values)
    bounded = max(values) <= (1 + PINNED) * most
    if reached >= TWICE and bounded and level(values[len(values) // 2 :]) > COIN_LOSS:
        top = case.loss[int(case.loss.values.argmax())]
        yield embedding_collapse.evidence("as_one", top, most=most, n=reached)


def _similar(case: Case) -> Iterator[Evidence]:
    for right, wrong in one_vector(case):
        yield embedding_collapse.evidence("similar", wrong, right=right.value)


def _nan(case: Case) -> Iterator[Evidence]:
    evals = case.evals.values.tolist()
    for name in sorted(case.record.series):
        what, points = score(name), case.course(name)
        # From the first on, beside a loss that moves, it is the labels that are all alike.
        if len(evals) > 1 and not flat(evals) and np.isnan(points.values).all():
            continue
        if what and what.measure == "order" and points and math.isnan(points[-1].value):
            yield embedding_collapse.evidence("nan", points[-1], name=name)
            return
