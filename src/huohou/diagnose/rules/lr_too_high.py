"""The learning rate is too high: the loss jumps up or swings, and stays above what it could be."""

import math

import numpy as np

from huohou.diagnose.case import Case
from huohou.diagnose.choice import STEADY, go_back, lowest_loss, safe_rate
from huohou.diagnose.curves import level, lowest, noise, valley
from huohou.diagnose.embedding import beats_guessing, seen, stuck_at_margin
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.rule import Cause, Need, rule
from huohou.diagnose.settings import amount, plain_descent, setting
from huohou.diagnose.swings import swings
from huohou.measure.reference import uniform_loss
from huohou.record.columns import Floats
from huohou.record.finding import Evidence, Finding, Severity

POINTS = 10
BLOCKS = 20  # the course is judged in so many pieces, by their medians
HUMP = 0.10  # early, the loss is above its start by this part of it,
STANDS_OUT = 9  # and by so many noises,
STANDS_APART = 3  # of a contrast, of those of its logarithm,
HEAD = 2  # by so many of those of its first third,
ABOVE = 1.7  # nats above a uniform guess, and
LOST = 0.05  # this part above its start: no batch is that hard
AWAY = 0.05  # of a margin: off it
MANY = 10  # times what is usual
HEAD_LINES = 3
HUMP_LINES = 2  # in so many lines one after the other
JOLT = 0.15  # or by this part in one line, with a gradient norm that says the same
LINES = 3  # that make a level
SMALL = 0.1  # a loss that begins and ends below this is none that is brought down
BACK = 0.25  # of what had been learnt is given back at the end,
WORSE = 0.08  # and this part of the lowest level,
NOISES = 6  # and so many noises
GRADIENT = 3.0  # times its early level: a gradient norm that says the same
EVALS = 5
SAME = 0.005  # of it: the evaluation loss ends at its lowest
EVAL_NOISES = 4  # that the evaluation loss rises with the training loss

# What is usual, from which on a rate speaks against itself: adapters, all weights.
HIGH = {True: 2e-3, False: 3e-4}
START = 3.0  # times that: the most that is advised to try next
FAR = 0.015  # far above all that is usual,
STUCK = 0.4  # and the loss ends above this part of its start,
FLAT = 0.02  # as level as this after its first tenth,
GONE = 0.03  # or with this part left of its first gradient norm,
NOTHING = 0.97  # or above this part of its start
# No transformer is trained with such a rate, whatever its loss does: adapters, all weights.
BEYOND = {True: 0.06, False: 0.03}
ZERO = 0.2  # of the rates
SET = 1.5  # times the rate that was set
LEFT = 0.1  # of the first loss: with less left there was nothing to do better

HUMPED = [3.0, 2.9, *falling(4.5, 2.7, n=38, rate=3)]
SWINGING = [
    v + (1.5 if i in (15, 16, 23, 24, 25, 33, 34) else 0) for i, v in enumerate(falling(3.0, 1.2))
]
RISEN = [*falling(4.0, 2.0, n=15), *line(2.1, 2.75, n=25)]


@rule(
    "lr-too-high",
    severity="warning",
    cause=Cause.RATE,
    needs=(Need("loss", POINTS),),
    explains=(
        *("loss-stuck", "undertrained", "overfit", "hinge-floor"),
        *("embedding-collapse", "nothing-trains", "at-chance"),
    ),
    fires=(
        run(loss=HUMPED, learning_rate=[1e-2] * 40),
        run(loss=[5.1, 4.7, 5.9, 6.3, *falling(4.8, 1.3, n=36)]),
        run(loss=[0.188, 0.208, *[0.2] * 38], learning_rate=[0.05] * 40),
        run(
            loss=[3.4, 2.9, *[2.77] * 38],
            learning_rate=[0.03] * 40,
            grad_norm=[1.4, 0.004, *[1e-6] * 38],
        ),
        run(loss=SWINGING),
        run(loss=RISEN, grad_norm=[*line(1.0, 1.0, n=15), *line(5.0, 9.0, n=25)]),
        run(loss=RISEN, learning_rate=[5e-3] * 40, facts={"lora_rank": 16}),
        run(loss=RISEN, evals=[2.4, 2.1, 2.2, 2.3, 2.5, 2.7, 2.8]),
        run(loss=falling(4.5, 1.5), learning_rate=[0.05] * 40, facts={"vocab_size": 560}),
        run(loss=falling(4.5, 1.5), learning_rate=line(1e-3, 4e-3), facts={"learning_rate": 1e-3}),
    ),
    quiet=(
        run(loss=falling(3.0, 1.2)),
        run(loss=falling(3.0, 1.2), learning_rate=line(1e-3, 0), facts={"learning_rate": 1e-3}),
        run(loss=falling(3.0, 1.2, noise=0.25)),
        run(loss=[*falling(3.0, 1.2, n=20), 4.0, *falling(1.3, 1.2, n=19)]),
        run(loss=[*falling(3.0, 1.5, n=20), *falling(2.5, 1.2, n=20)]),
        run(loss=[3.0, *line(3.2, 1.2, n=39)]),
        run(loss=RISEN, grad_norm=line(1.0, 1.0), evals=[2.4, 2.1, 2.0, 1.9, 1.85, 1.82]),
        run(loss=falling(4.5, 1.5), learning_rate=[0.05] * 40),
        run(
            loss=falling(4.5, 1.5),
            learning_rate=[0.05] * 40,
            facts={"vocab_size": 560, "optimizer": "sgd"},
        ),
    ),
)
def lr_too_high(case: Case) -> Finding | None:
    """Six signs, most measured in units of the noise of the loss itself. A hump: within the first
    third of the run the loss is above its first value in two lines one after the other, by 10 %, 9
    noises, and 2 of those that the first third has (of a contrast, whose batches differ by a
    factor, by 3 of those of its logarithm, too); or in one line among the first 5 or the first
    twentieth, by 15 %, with a gradient norm of 3 times its first. A rise: the loss ends 8 % and 6
    noises above its lowest level and is not on its way down, while the evaluation loss rises with
    it; or more than a quarter of what had been learnt is given back, while the gradient norm is 3
    times its early level or the learning rate is known to be above what is usual. Swings: at least
    three excursions of two lines or more above what came before, by 30 % of the level, a tenth of
    what was learnt and 6 noises, not at the ends of epochs. Nothing learnt: with a rate above 0.015
    the loss ends above 0.4 times its first value and does not move, or less than 3 % of its
    gradient is left. The rate itself: above 0.03 (with LoRA 0.06) with a tenth of the loss left,
    where a language model or an encoder is trained and neither plain descent nor Muon is known to
    be the optimizer. One bad batch is one line and is left out, like a jump that is on its way down
    again. Rewards, losses below zero or about it, and a ranking loss that sits on its margin, which
    is ``hinge-floor``, are left out. Harder data make a hump or a rise as well, but not in the
    evaluation, and with the gradient norm where it was. The start is the highest loss of the
    weights that a run began with: lines before which all rates were 0 are theirs. Where a language
    model is above a uniform guess by 1.7 nats, two lines that are 5 % above the start are enough
    for a hump. A ranking loss that began off its margin and sits on it from the first lines on,
    with ten times a usual rate, was thrown there. A rise is left out where the evaluation loss ends
    at its lowest. Last, rates in the log of more than 1.5 times the one that was set, in three
    lines or more, but for plain descent: whatever the loss makes of them, nobody asked for them.
    """
    values = case.loss.values
    if len(values) < POINTS or case.objective == "reward" or values.min() < 0:
        return None
    if stuck_at_margin(case):
        facts = _fell_in(case, values)
        return _finding(case, facts) if facts else None
    if values[0] < SMALL and level(values[-_tail(len(values)) :]) < SMALL:
        return None
    hump = _hump(case, values) or _jolt(case, values)
    facts = [*hump, *_rise(case, values), *_swings(case), *_nothing_learnt(case, values)]
    facts = facts or _beyond(case) or _above_set(case)
    if not facts:
        return None
    return _finding(case, facts)


def _finding(case: Case, facts: list[Evidence]) -> Finding:
    values = case.losses
    start, end = level(values[: max(1, len(values) // 20)]), level(values[-_tail(len(values)) :])
    peak = case.peak_rate() or amount(case, "learning_rate")
    if peak:
        key = "rate_high" if _is_high(case) else "rate"
        facts.append(lr_too_high.evidence(key, rate=peak))
    severity: Severity = "error" if end >= start else "warning"
    safe = safe_rate(case) or peak
    most = START * HIGH[bool(amount(case, "lora_rank"))]
    lower = {"train.learning_rate": float(f"{min(safe / 5, most):.1g}")} if safe else None
    back = go_back(case, lowest_loss(case))
    advice = [
        back or lr_too_high.advice("lower", set=lower),
        lr_too_high.advice("warm_up", set=STEADY),
    ]
    return lr_too_high.finding(facts, advice, severity, start=start, end=end)


def _hump(case: Case, values: Floats) -> list[Evidence]:
    """Above the start, early, in lines one after the other."""
    n, start = len(values), _start(case, values)
    head = values[: max(n // 3, 2 * LINES)]  # its noise is larger than that of a low loss
    limit = start + max(HUMP * abs(start), STANDS_OUT * noise(values), HEAD * noise(head))
    early = head > limit
    if case.embedding and values.min() > 0:  # batches of few texts differ by a factor
        early &= np.log(head) - np.log(start) > STANDS_APART * noise(np.log(head))
    if (bound := _guess(case)) is not None:  # batches do not differ by that much where all is lost
        early |= head > max((1 + LOST) * start, bound + ABOVE)
    if not (np.convolve(early, np.ones(HUMP_LINES), "valid") == HUMP_LINES).any():
        return []
    top = case.loss[int(np.argmax(np.where(early, values[: len(early)], -math.inf)))]
    end = level(values[-_tail(n) :])
    return [lr_too_high.evidence("hump", top, start=start, end=end)]


def _start(case: Case, values: Floats) -> float:
    """The highest loss of the weights that the run began with: a line is theirs while all rates
    before it are 0, as in the first step of a warm-up."""
    rates = case.finite("learning_rate")
    before = np.concatenate([[0.0], np.cumsum(rates.values)])
    at = before[np.searchsorted(rates.places, case.loss.places, side="left")]
    untouched = (
        (at == 0) & (case.loss.places <= 1 + np.arange(len(values))) if len(rates) else at > 0
    )
    return float(max(values[0], values[untouched].max(initial=values[0])))


def _guess(case: Case) -> float | None:
    """The loss of a uniform guess of a language model, where the vocabulary is known."""
    size = amount(case, "vocab_size") or amount(case, "vocabulary")
    if not size or size < 2 or case.embedding or case.objective != "likelihood":
        return None
    pieces = amount(case, "gradient_accumulation") or 1.0
    return uniform_loss(int(size)) if pieces < 2 or _one_mean(case) else None


def _one_mean(case: Case) -> bool:
    """Whether a logged loss is the mean of its micro-batches: the evaluation loss is near it."""
    evals = case.evals
    beside = case.near("loss", evals[0]) if evals else None
    return beside is not None and beside.value < 1.5 * evals[0].value


def _jolt(case: Case, values: Floats) -> list[Evidence]:
    """One line far above the start among the first, with a gradient as far above its own."""
    norms = case.finite("grad_norm")
    head = values[: max(5, len(values) // 20)]
    i = int(np.argmax(head))
    start = _start(case, values)
    limit = start + max(JOLT * abs(start), STANDS_OUT * noise(values))
    beside = norms.values[norms.places == case.loss.places[i]]
    if head[i] <= limit or not len(beside) or beside[0] <= GRADIENT * norms.values[0]:
        return []
    told = {"start": start, "end": level(values[-_tail(len(values)) :])}
    return [lr_too_high.evidence("hump", case.loss[i], **told)]


def _nothing_learnt(case: Case, values: Floats) -> list[Evidence]:
    """A rate that no fine-tuning is done with, and a loss that does not move from where it began,
    or a gradient that is gone while the loss is high."""
    peak = case.peak_rate() or amount(case, "learning_rate")
    start, end = float(values[0]), level(values[-_tail(len(values)) :])
    if not peak or peak < FAR or not 0 < STUCK * start <= end or plain_descent(case):
        return []
    rest, norms = values[len(values) // 10 :], case.finite("grad_norm").values
    flat = np.quantile(rest, 0.9) - np.quantile(rest, 0.1) < FLAT * end
    gone = len(norms) >= POINTS and level(norms[-_tail(len(norms)) :]) < GONE * norms[0]
    if not (flat or gone or end >= NOTHING * start):
        return []
    return [lr_too_high.evidence("nothing", case.loss[-1], start=start)]


def _fell_in(case: Case, values: Floats) -> list[Evidence]:
    """A ranking loss that began off its margin, was on it a few lines later and has not moved
    since, with a rate far above what is usual: the first updates threw all texts together."""
    margin, peak = amount(case, "margin") or 0.0, case.peak_rate()
    off = np.abs(values - margin) > AWAY * margin
    last = int(np.flatnonzero(off)[-1]) if off.any() else len(values)
    high = peak is not None and peak > MANY * HIGH[bool(amount(case, "lora_rank"))]
    ranks = any(one.when != "before" and beats_guessing(case, one) for one in seen(case))
    if (
        ranks
        or not off[0]
        or last >= max(HEAD_LINES, len(values) // 10)
        or not high
        or plain_descent(case)
    ):
        return []
    return [lr_too_high.evidence("fell_in", case.loss[last + 1], start=float(values[0]))]


def _rise(case: Case, values: Floats) -> list[Evidence]:
    """Given back at the end, with the gradient or the rate as a witness."""
    n = len(values)
    start, low = level(values[: max(1, n // 20)]), lowest(case.losses)
    end = level(values[-_tail(n) :])
    least = max(WORSE * abs(low), NOISES * noise(values) / math.sqrt(LINES))
    if end - low <= least or start - low < WORSE * abs(start) or _recovers(values):
        return []
    if len(case.evals) >= EVALS and case.evals[-1].value <= (1 + SAME) * case.evals.values.min():
        return []  # rows differ; what is held out goes down to the end
    best = case.loss[int(np.argmin(np.abs(values - low)))]
    told = [lr_too_high.evidence("rise", best, end=end)]
    witnesses = _evaluations(case)
    if end - low > BACK * (start - low):
        witnesses += _gradient(case)
    high = _is_high(case) and end - low > BACK * (start - low)
    return [*told, *witnesses] if witnesses or high else []


def _recovers(values: Floats) -> bool:
    """Whether the loss is on its way down at the end: harder data, a restart of the schedule."""
    blocks = [level(part) for part in np.array_split(values, min(BLOCKS, len(values)))]
    top = int(np.argmax(blocks[len(blocks) // 3 :])) + len(blocks) // 3
    spread = noise(values) / math.sqrt(max(1, len(values) / len(blocks)))
    return blocks[top] - blocks[-1] > max(0.05 * abs(blocks[-1]), 3 * spread)


def _evaluations(case: Case) -> list[Evidence]:
    """The evaluation loss as a witness: harder training rows do not make it rise."""
    values = case.evals.values
    if len(values) < EVALS:
        return []
    fit = valley(values.tolist())
    if fit.rise(fit.settled) <= EVAL_NOISES or fit.settled - fit.low <= WORSE / 2 * abs(fit.low):
        return []
    return [lr_too_high.evidence("evals", case.evals[-1], low=fit.low)]


def _gradient(case: Case) -> list[Evidence]:
    norms = case.finite("grad_norm").values
    if len(norms) < POINTS:
        return []
    early = level(norms[len(norms) // 20 : max(3, len(norms) // 4)])
    late = level(norms[-_tail(len(norms)) :])
    if late <= GRADIENT * early:
        return []
    return [lr_too_high.evidence("gradient", early=early, late=late)]


def _swings(case: Case) -> list[Evidence]:
    """Excursions above what came before, again and again."""
    found = swings(case)
    return [lr_too_high.evidence("swings", found[1], n=found[0])] if found else []


def _beyond(case: Case) -> list[Evidence]:
    """A rate that is out of all proportion for a transformer and an optimizer like Adam."""
    adapters = bool(amount(case, "lora_rank"))
    peak = case.peak_rate() or amount(case, "learning_rate")
    transformer = case.embedding or adapters or amount(case, "vocab_size")
    name = str(setting(case, "optimizer") or "").lower()
    if not peak or peak <= BEYOND[adapters] or not transformer or name.startswith(("sgd", "muon")):
        return []
    start, limit = float(case.loss.values[0]), BEYOND[adapters]
    if level(case.losses[-_tail(len(case.losses)) :]) < LEFT * start:
        return []
    return [lr_too_high.evidence("beyond", case.loss[-1], start=start, limit=limit)]


def _above_set(case: Case) -> list[Evidence]:
    """Rates in the log that are far above the one that was set."""
    asked, rates = amount(case, "learning_rate"), case.finite("learning_rate")
    above = rates.values > SET * (asked or 0.0)
    cut = (rates.values == 0).sum() > ZERO * len(rates)  # to few digits, which is ``lr-zero``
    if not asked or asked <= 0 or above.sum() < LINES or plain_descent(case) or cut:
        return []
    top = rates[int(rates.values.argmax())]
    return [lr_too_high.evidence("above_set", top, asked=asked)]


def _is_high(case: Case) -> bool:
    peak = case.peak_rate() or amount(case, "learning_rate")
    return bool(peak and peak > HIGH[bool(amount(case, "lora_rank"))])


def _tail(n: int) -> int:
    return max(LINES, n // 10)
