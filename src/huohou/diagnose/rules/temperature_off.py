"""The scale of the similarities is far too small or far too large."""

import math
from collections.abc import Iterator

from huohou.diagnose.case import Case
from huohou.diagnose.curves import level, noise
from huohou.diagnose.embedding import (
    POINTS,
    batches_differ,
    contrasts,
    kind,
    ranked,
    seen,
    tail,
    told,
    too_early,
)
from huohou.diagnose.examples import falling, run
from huohou.diagnose.rule import Cause, Need, Outcome, rule, show
from huohou.diagnose.scores import SCALES, SIMILARITIES
from huohou.measure.contrast import among_fewer, contrast_bounds, lead_of, needed_loss
from huohou.measure.reference import in_batch_loss
from huohou.record.finding import Evidence, Severity
from huohou.text import say

USUAL = 20.0  # a temperature of 0.05
TIMES = 10.0  # off by
LEAVES = 0.4  # nats that are left of the loss of a perfect ranking
CLEAR = 0.3  # a difference of similarities that no noise of logits makes up for
MORE = 0.5  # nats above what the ranking needs
KNOWS = 0.15  # share of right first places from which a ranking is said to know something
HEAD = 3
BEGINS = 0.03  # of ln N: a loss that begins so near to it,
SUNK = 0.03  # ends so far below it,
AHEAD = 0.03  # with right texts less than this of a cosine ahead by the scale that is set,
STEADY = 10  # by so many noises,
RESTS = 0.12  # and has hardly gained since the middle of the run: it has reached its bound
CALM = 0.04  # of ln N: batches of a usual scale differ by more, once a loss has left it, and
BEYOND = 0.1  # of a cosine is the least that they get right texts ahead
EXACT = 0.015  # of ln N: the loss begins so near to it;
CLEARLY = 3  # noises below it
LOUD = 20.0  # nats above ln N: no scale up to 100 is that sure of what is not so

BATCH = {"loss_kind": "in-batch", "batch_size": 32, "negatives": 0}
TIMID = falling(3.5, 2.72, n=40)
GOOD = {
    "eval_cosine_accuracy@1": [0.3, 0.55, 0.62],
    "eval_cosine_mrr@10": [0.42, 0.66, 0.71],
}


@rule(
    "temperature-off",
    severity="warning",
    cause=Cause.GEOMETRY,
    needs=(Need("embedding"),),
    explains=("undertrained", "loss-stuck", "lr-too-high", "worse-last-checkpoint"),
    fires=(
        run(loss=TIMID, facts={**BATCH, "scale": 1.0}),
        run(loss=TIMID, more=GOOD, facts=BATCH),
        run(loss=falling(40.0, 4.2, n=40), more=GOOD, facts=BATCH),
        run(loss=falling(11.0, 0.4), facts={**BATCH, "scale": 400.0}),
        run(loss=TIMID, facts={**BATCH, "scale": 3.0}),
        run(loss=falling(120.0, 35.0), facts=BATCH),
        run(loss=TIMID, pos_sim=[0.3, 0.8], neg_sim=[0.2, 0.01], facts=BATCH),
        run(loss=falling(3.48, 2.6, rate=1, noise=0.02), more=GOOD, facts={**BATCH, "scale": 20.0}),
        run(loss=falling(3.55, 2.7, rate=1, noise=0.02), facts={**BATCH, "scale": 20.0}),
    ),
    quiet=(
        run(loss=falling(3.4, 0.4), facts={**BATCH, "scale": 20.0}),
        run(loss=falling(3.4, 0.4), facts={**BATCH, "scale": 100.0}),
        run(loss=falling(3.4, 0.4), facts={**BATCH, "scale": 5.0}),
        run(loss=falling(3.9, 2.6, noise=0.5), facts={**BATCH, "scale": 20.0}),
        run(loss=falling(3.4, 0.9), more=GOOD, facts=BATCH),
        run(loss=TIMID, more={"eval_cosine_accuracy@1": [0.1, 0.15, 0.2]}, facts=BATCH),
        run(loss=falling(3.4, 0.5), pos_sim=[0.3, 0.8], neg_sim=[0.2, 0.1], facts=BATCH),
        run(loss=TIMID, more=GOOD),
    ),
)
def temperature_off(case: Case) -> Outcome:
    """In a batch of N, cosines times a scale s can bring the loss no lower than ln(1 + (N-1)e^-2s):
    with a scale of 1 a perfect model keeps a loss near ln N. It is said when the scale is known, in
    the settings or as a series, and ten times off 20, or leaves 0.4 nats of a loss where all right
    pairs are alike and all wrong ones at right angles; when the loss ends more than 0.5 nats above
    what its ranking needs, which by Fano's inequality is at most H(a) + (1-a) ln(N-1) for a share a
    of right first places (of those among the whole evaluation, or converted to N candidates where
    their number is known); and when logged similarities of positives and negatives, whose
    difference bounds the scale by the loss, put it under 2; and when the loss ends more than 20
    nats above ln N. Whether it is too small or too large is told by losses below or above ln N.
    Where the scale that is set is usual, but the loss came down from ln N to rest where by that
    scale right texts are less than 0.03 of a cosine ahead in every batch, another scale may be at
    work: information, for a narrow cone (``embedding-collapse``) has the same loss. It is a warning
    where there is no such cone: from the start on the loss differs from batch to batch by 1 % of ln
    N, but by less than 4 %, which is little for a usual scale; and it ends 0.5 nats above what its
    ranking needs, or it began within 1.5 % of ln N and right texts end less than 0.1 of a cosine
    ahead by what is set.
    """
    if kind(case) not in (None, "in-batch"):
        return None
    known = _known(case)
    if known is not None and (not USUAL / TIMES < known < USUAL * TIMES or _leaves(case, known)):
        return _finding(case, known < USUAL, [_bounds(case, known)])
    if not contrasts(case):
        return Need("fact:batch_size")
    if len(case.losses) < POINTS or too_early(case):
        return None
    facts = [*_implied(case)]
    if facts:
        return _finding(case, True, facts)
    if known is not None:
        if facts := [*_another(case, known)]:
            return _finding(case, True, facts)
        facts = [*_bounded(case, known)]
        return _finding(case, True, facts, "info") if facts else None
    facts = [*_excess(case)] or [*_loud(case)]
    return _finding(case, max(case.losses) < _most(case) + MORE, facts) if facts else None


def _known(case: Case) -> float | None:
    scale = told(case, "scale")
    for name in SCALES:
        if points := case.finite(name):
            scale = points[-1].value
    return scale if scale is not None and scale > 0 else None


def _leaves(case: Case, scale: float) -> bool:
    """Whether a loss is left where all is right: right pairs alike, wrong ones at right angles."""
    return any(math.log1p((n - 1) * math.exp(-scale)) > LEAVES for n in contrasts(case)[:1])


def _bounds(case: Case, scale: float) -> Evidence:
    counts = contrasts(case)
    if not counts:
        return temperature_off.evidence("scale", scale=scale, temperature=1 / scale)
    low = contrast_bounds(counts[0], scale)[0]
    n, guess = counts[0], in_batch_loss(counts[0])
    return temperature_off.evidence(
        "bounds", scale=scale, temperature=1 / scale, low=low, n=n, guess=guess
    )


def _most(case: Case) -> float:
    return in_batch_loss(max(contrasts(case)))


def _excess(case: Case) -> Iterator[Evidence]:
    """The loss beside what the ranking needs, for the most candidates that the loss may be over."""
    n = max(contrasts(case))
    share = _share(case, n)
    if share is not None and level(tail(case.losses)) > needed_loss(share, n) + MORE:
        yield _excess_of(case, share, n)


def _share(case: Case, n: int) -> float | None:
    """Right first places among so many candidates, None where they are no better than a guess."""
    of = ranked(case)
    places = {s.what.k: s.value for s in seen(case) if s.point and s.what.measure == "accuracy"}
    if 1 not in places or not all(0 <= value <= 1 for value in places.values()):
        return None
    share = among_fewer(places, of, n) if of else places[1]
    return share if share >= max(KNOWS, 3 / n) else None


def _excess_of(case: Case, share: float, n: int) -> Evidence:
    fields = {"share": f"{100 * share:.3g}", "needs": needed_loss(share, n), "n": n}
    end = level(tail(case.losses))
    return temperature_off.evidence("excess", case.loss[-1], level=end, **fields)


def _another(case: Case, scale: float) -> Iterator[Evidence]:
    """A loss that begins at a guess and ends far from what its ranking needs, or where the scale
    that is set has right texts hardly ahead; and yet batches differ, so there is no narrow cone,
    but by less than they do with a usual scale."""
    values, end = case.losses, level(tail(case.losses))
    for n in contrasts(case):
        constant = in_batch_loss(n)
        off = abs(level(values[:HEAD]) / constant - 1)
        calm = noise(values[: len(values) // 3]) < CALM * constant
        if off > BEGINS or not calm or not batches_differ(case, n):
            continue
        if not 0 < end <= (1 - SUNK) * constant:
            continue
        share = _share(case, n)
        if share is not None and end > needed_loss(share, n) + MORE:
            yield _excess_of(case, share, n)
            return
        ahead = lead_of(end, n) / scale
        clearly = constant - end > CLEARLY * noise(tail(values))
        if off <= EXACT and ahead < BEYOND and clearly:
            told = {"scale": scale, "ahead": f"{ahead:.2g}", "n": n}
            yield temperature_off.evidence("calm", case.loss[-1], first=values[0], **told)
            return


def _bounded(case: Case, scale: float) -> Iterator[Evidence]:
    """A loss that came to rest where, by the scale that is set, right texts are hardly ahead of
    wrong ones, and yet in every batch by as much: either all lie in a narrow cone, or another
    scale is at work. The log cannot tell the two apart: information beside ``embedding-collapse``.
    """
    values, end = case.losses, tail(case.losses)
    for n in contrasts(case):
        constant = in_batch_loss(n)
        begins = abs(level(values[:HEAD]) / constant - 1) <= BEGINS
        if not begins or level(end) <= 0 or level(end) > (1 - SUNK) * constant:
            continue
        ahead = lead_of(level(end), n) / scale
        steady = constant - level(end) > STEADY * noise(end)
        half = values[len(values) // 2 :]
        rests = abs(level(half[: len(half) // 3]) - level(end)) <= RESTS * (constant - level(end))
        if ahead < AHEAD and steady and rests:
            told = {"scale": scale, "ahead": f"{ahead:.2g}", "n": n}
            yield temperature_off.evidence("bounded", case.loss[-1], first=values[0], **told)
            return


def _loud(case: Case) -> Iterator[Evidence]:
    end, guess = level(tail(case.losses)), _most(case)
    if end > guess + LOUD:
        yield temperature_off.evidence("loud", case.loss[-1], level=end, guess=guess)


def _implied(case: Case) -> Iterator[Evidence]:
    """A small scale by loss and similarities: at that of 2 the loss would be far lower."""
    for right, wrong in SIMILARITIES:
        ends = [points[-1].value for name in (right, wrong) if (points := case.finite(name))]
        if len(ends) < 2 or ends[0] - ends[1] < CLEAR:
            continue
        end, gap = level(tail(case.losses)), ends[0] - ends[1]
        if end <= 0:
            continue
        scale = lead_of(end, min(contrasts(case))) / gap
        if 0 < scale < USUAL / TIMES:
            yield temperature_off.evidence("implied", case.loss[-1], gap=show(gap), scale=scale)
            return


def _finding(
    case: Case, small: bool, facts: list[Evidence], severity: Severity | None = None
) -> Outcome:
    direction = "small" if small else "large"
    advice = [temperature_off.advice(direction), temperature_off.advice("compare")]
    which = say(f"rule.temperature-off.{direction}")
    return temperature_off.finding(facts, advice, severity, which=which)
