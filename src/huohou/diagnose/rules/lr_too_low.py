"""The learning rate is too low: the loss creeps."""

import math
from dataclasses import dataclass

import numpy as np

from huohou.diagnose.case import Case, place
from huohou.diagnose.choice import WHOLE_SCHEDULE
from huohou.diagnose.curves import level, longest_stretch, noise, trend
from huohou.diagnose.embedding import one_vector, seen
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.rule import Cause, Need, rule, show, where
from huohou.diagnose.scores import Score
from huohou.diagnose.settings import amount, plain_descent, rate_reached, relative_rate
from huohou.record.columns import Floats, Point, Series
from huohou.record.finding import Evidence, Finding

POINTS = 20
KNOWN_POINTS = 10  # where the rate itself is known to be tiny
GAIN = 0.45  # less than this part of the loss was gained
LITTLE = 0.15  # the same where the rate is known to be tiny, or the gradient is not known
EVEN = 0.65  # fall in the second half of all learning rate spent, to that in the first; and
EVEN_NORM = 0.5  # where the gradient norm says the same
MOST_EVEN = 3.0
EVALS = 5
ENOUGH = 6  # evaluations that can show a trend at the level of 1 %; 5 show it at 2 %
GRADIENT = 0.4  # of its first norm is left of the gradient: the weights are near where they were
UPDATES = 50  # fewer are too few for any rate
CLEAR = 3.0  # standard errors that each half falls by
MOST = 200  # points of a half that slopes are taken of
RIGHT = 0.9  # of the first places at the first evaluation
FIRST = Score("accuracy", 1)
REACHED = 0.25  # of the rate that was set, and the run never came to more
EARLY = 0.5  # of a planned run: too early to say
DROPPED = 0.1  # of its peak: a rate that has come down before its time, where
MOSTLY = 0.5  # of the run goes by with less, and
SLOWER = 0.3  # the loss falls by this part of its pace before that,
STILL = 0.2  # in the second half of that time by this part of what the first half brought

# Rates below these are far under all that is usual: adapters, not known, all weights.
TINY = {"lora": 1e-5, "unknown": 1e-6, "full": 1e-7}
SGD = 1e-2  # the same for plain descent of a transformer, which takes 0.1 and more
AMPLE = 5e-4  # a rate from here on is low for plain descent alone

CREEP = line(2.40, 2.25, n=40, noise=0.004)


@rule(
    "lr-too-low",
    severity="warning",
    cause=Cause.RATE,
    needs=(Need("loss", KNOWN_POINTS),),
    explains=("loss-stuck", "at-chance", "embedding-collapse"),
    fires=(
        run(loss=CREEP, learning_rate=[2e-6] * 40, facts={"lora_rank": 8}),
        run(loss=CREEP, grad_norm=line(1.2, 1.18), facts={"finished": True}),
        run(loss=line(5.1, 3.9), evals=[4.9, 4.7, 4.5, 4.3, 4.1, 3.9], grad_norm=line(9, 6)),
        run(loss=line(1.40, 1.395, n=13, noise=0.003), learning_rate=[5e-7] * 13),
        run(
            loss=line(5.1, 4.2, noise=0.3),
            learning_rate=[2e-3] * 40,
            facts={"optimizer": "sgd", "vocab_size": 900},
        ),
        run(
            loss=line(4.6, 2.0),
            learning_rate=line(1e-6, 1e-4),
            facts={"learning_rate": 1e-3, "warmup_steps": 4000, "max_steps": 400},
        ),
        run(loss=line(4.6, 2.0), facts={"warmup_steps": 4000, "max_steps": 400}),
        run(
            loss=[*line(5.0, 3.2, n=8), *line(3.2, 3.0, n=32)],
            evals=[3.9, 3.2, *line(3.18, 3.05, n=10, noise=0.0005)],
            learning_rate=[*[1e-3] * 7, *[1e-5] * 33],
        ),
    ),
    quiet=(
        run(
            loss=[*line(5.0, 3.2, n=8), *line(3.2, 3.2, n=32)],
            evals=[3.9, 3.2, 3.19, 3.2, 3.2, 3.19, 3.2, 3.21, 3.2, 3.2, 3.19, 3.2],
            learning_rate=[*[1e-3] * 7, *[1e-5] * 33],
        ),
        run(loss=falling(2.4, 1.2), learning_rate=[2e-6] * 40, facts={"lora_rank": 8}),
        run(loss=line(2.4, 1.2), grad_norm=line(1.2, 1.18)),
        run(loss=CREEP, grad_norm=line(1.2, 0.3)),
        run(loss=falling(2.4, 1.9), grad_norm=line(1.2, 1.0)),
        run(loss=line(0.3, 0.3), grad_norm=line(0.1, 0.1)),
        run(loss=line(0.69, 0.60), learning_rate=[5e-7] * 40, more={"rewards/chosen": line(0, 1)}),
        run(loss=CREEP, grad_norm=line(1.2, 1.18), learning_rate=[2e-3] * 40),
        run(
            loss=falling(4.6, 0.5),
            learning_rate=line(1e-6, 1e-4),
            facts={"learning_rate": 1e-4, "warmup_steps": 400, "max_steps": 400},
        ),
        run(loss=line(4.6, 2.0), facts={"warmup_steps": 4000, "max_steps": 4000}),
        run(loss=CREEP, grad_norm=line(1.2, 1.18), more={"eval_cosine_accuracy@1": [0.96, 0.97]}),
        run(loss=line(2.77, 2.77), learning_rate=[1e-9] * 40, pos_sim=[1.0], neg_sim=[1.0]),
    ),
)
def lr_too_low(case: Case) -> Finding | None:
    """Either less than 15 % of the loss was gained and the highest learning rate is known to be
    tiny (below 1e-5 with LoRA, 1e-7 for all weights, 1e-6 where that is not known); or less than 45
    % with plain descent (SGD) at a rate below 0.01. Or less than 45 % was gained (15 % where the
    gradient norm is not known), and both losses (of the evaluation from 5 values on), as far as
    they stand out of their noise, fall as fast at the end as at the start: for each unit of
    learning rate spent, the second half brings at least 0.65 times what the first brought, or half
    of it where the gradient norm is known and 40 % or more of its first value is left. A run with a
    good rate falls fast and then ever more slowly. Not where 90 % of the first places were right at
    the first evaluation: there is little left to gain. Or the run came, at its end, to less than a
    quarter of the rate that was set, by its logged rates or by a warm-up four times as long as the
    run. Or the rate came down before its time: for half of the run and more it is below a tenth of
    its peak, and meanwhile the evaluation loss, from 5 values on, falls on to the end, at less than
    30 % of its pace before, but no slower in the second half of that time than at a fifth of the
    first: it has not converged, it was slowed down. Fewer than 50 updates, preferences and rewards
    (their rates are small), and the first half of a planned run, are left out. Where
    the logged cosines say that all texts have one vector, no rate would help. It explains a loss
    that is stuck; a run that is much too short looks the same, and more updates are the other cure.
    """
    values = case.losses
    if case.objective != "likelihood" or len(values) < KNOWN_POINTS or case.is_short_of(EARLY):
        return None
    never = _never_reached(case)
    if never:
        asked = amount(case, "learning_rate")
        kept = WHOLE_SCHEDULE | ({"train.learning_rate": asked} if asked else {})
        return lr_too_low.finding(never, [lr_too_low.advice("warm_up", set=kept)])
    if dropped := _dropped(case):
        kept = WHOLE_SCHEDULE | {"train.learning_rate": float(f"{case.peak_rate():.2g}")}
        return lr_too_low.finding(dropped, [lr_too_low.advice("keep_up", set=kept)])
    head = max(1, len(values) // 20)
    start, end = level(values[:head]), level(values[-max(3, len(values) // 10) :])
    if start <= 0 or (start - end) / start >= GAIN or end > start + 3 * noise(values):
        return None
    little = (start - end) / start < LITTLE
    facts = [*_descent(case), *(_tiny(case) if little else []), *_creeps(case, little)]
    if not facts or any(one_vector(case)):
        return None
    return _finding(case, [lr_too_low.evidence("gain", case.loss[-1], start=start), *facts])


def _finding(case: Case, facts: list[Evidence]) -> Finding:
    advice = [lr_too_low.advice("higher", set=_higher(case)), lr_too_low.advice("try")]
    return lr_too_low.finding(facts, advice)


def _higher(case: Case) -> dict[str, float] | None:
    """Ten times the rate. Of plain descent no setting is advised: a run file trains with AdamW,
    which its rate suits as it is."""
    peak = case.peak_rate() or amount(case, "learning_rate")
    if not peak or plain_descent(case):
        return None
    return {"train.learning_rate": float(f"{10 * peak:.1g}")}


def _never_reached(case: Case) -> list[Evidence]:
    """The highest rate of the run beside the one that was set."""
    part, asked = rate_reached(case), amount(case, "learning_rate")
    if part is None or not 0 < part < REACHED:
        return []
    peak, percent = case.peak_rate() or (asked or 0.0) * part, round(100 * part, 1)
    if not peak or not asked:
        return [lr_too_low.evidence("never_by_warm_up", percent=percent)]
    return [lr_too_low.evidence("never", rate=peak, asked=asked, percent=percent)]


def _dropped(case: Case) -> list[Evidence]:
    """A rate that came down early, and a loss that has fallen slowly and evenly ever since."""
    rates, evals = case.finite("learning_rate"), case.evals
    peak = case.peak_rate() or 0.0
    if len(rates) < POINTS or len(evals) < EVALS or not np.isfinite(evals.places).all():
        return []
    begin, end = longest_stretch(rates.values < DROPPED * peak)
    first = rates[begin] if begin < len(rates) else rates[-1]
    if end < len(rates) or begin < 2 or len(rates) - begin < MOSTLY * len(rates):
        return []
    since = evals.take(evals.places >= place(first))
    if len(since) < EVALS or not trend(since.values.tolist()).falls(0.02):
        return []
    half, before = (since.places[0] + since.places[-1]) / 2, _steepest(case, place(first))
    paces = [
        _slope(since.places[part], since.values[part])
        for part in (since.places <= half, since.places >= half)
    ]
    if paces[1] < STILL * paces[0] or (before is not None and paces[0] > SLOWER * before):
        return []
    part = round(100 * (1 - begin / len(rates)))
    told = {"rate": rates[-1].value, "peak": peak, "percent": part}
    slow = lr_too_low.evidence("slowed", since[-1], first=since[0].value, place=where(since[0]))
    return [lr_too_low.evidence("dropped", first, **told), slow]


def _steepest(case: Case, until: float) -> float | None:
    """How fast the loss fell on the whole before a place, each step."""
    losses = case.loss.take(case.loss.places < until)
    if len(losses) < 2 or not losses[-1].value < losses[0].value:
        return None
    begin, end = place(losses[0]), place(losses[-1])
    return (losses[0].value - losses[-1].value) / (end - begin) if end > begin else None


def _descent(case: Case) -> list[Evidence]:
    """Plain descent of a language model or an encoder at a rate that was meant for Adam."""
    peak = case.peak_rate() or amount(case, "learning_rate")
    transformer = case.embedding or amount(case, "vocab_size") or amount(case, "lora_rank")
    if not peak or peak >= SGD or not transformer or not plain_descent(case):
        return []
    return [lr_too_low.evidence("rate_sgd", rate=peak, limit=SGD)]


def _tiny(case: Case) -> list[Evidence]:
    peak = case.peak_rate() or amount(case, "learning_rate")
    rank = amount(case, "lora_rank")
    kind = "unknown" if rank is None else "lora" if rank else "full"
    if not peak or peak >= TINY[kind]:
        return []
    return [lr_too_low.evidence(f"rate_{kind}", rate=peak, limit=TINY[kind])]


def _creeps(case: Case, little: bool) -> list[Evidence]:
    """As fast at the end as at the start, for each unit of learning rate, and a gradient that is
    still there."""
    ample = (case.peak_rate() or 0.0) >= AMPLE and not (plain_descent(case) or relative_rate(case))
    if ample or _ranks_right(case):
        return []
    norms = case.finite("grad_norm").values
    first = level(norms[:3]) if len(norms) >= POINTS else 0.0
    left = level(norms[-_tail(len(norms)) :]) / first if first > 0 else None
    short = case.updates is not None and case.updates < UPDATES
    if case.finished is False or short or not (little if left is None else left >= GRADIENT):
        return []
    paces = [_pace(case, case.evals, EVALS), _pace(case, case.loss, POINTS)]
    found = next((pace for pace in paces if pace is not None), None)
    least = EVEN if left is None else EVEN_NORM
    if found is None or not all(least <= p.ratio <= MOST_EVEN for p in paces if p is not None):
        return []
    told = {"percent": round(100 * found.gain, 1), "ratio": show(found.ratio)}
    key = "creeps" if left is None else "creeps_norm"
    return [lr_too_low.evidence(key, found.last, left=round(100 * (left or 0.0)), **told)]


def _ranks_right(case: Case) -> bool:
    """Whether nearly all was right at the first evaluation: then there is little left to learn."""
    names = (s.name for s in seen(case) if s.point and s.what in (FIRST, Score("pair")))
    return any(case.finite(name)[0].value >= RIGHT for name in names if case.finite(name))


@dataclass(frozen=True, slots=True)
class _Pace:
    """ratio: fall in the second half of all learning rate spent, to that in the first; gain: part
    of the first value that was gained."""

    ratio: float
    gain: float
    last: Point


def _pace(case: Case, points: Series, least: int) -> _Pace | None:
    """How the fall of a series goes on; None where it does not fall beyond its noise."""
    values = points.values
    if len(values) < least or not np.isfinite(points.places).all():
        return None
    alpha = 0.02 if len(values) < ENOUGH else 0.01
    if not trend(values.tolist()).falls(alpha):
        return None
    spent = _spent(case, points)
    halves = spent <= 0.5, spent >= 0.5
    if min(int(half.sum()) for half in halves) < least // 2:
        return None
    first, second = (_slope(spent[half], values[half]) for half in halves)
    error = noise(values) / math.sqrt(len(values) / 4)
    if min(first, second) / 2 < CLEAR * error:  # half of it: a slope is for all of the rate
        return None
    gain = (float(values[0]) - float(values[-1])) / abs(float(values[0]) or 1.0)
    return _Pace(second / first, gain, points[-1]) if first > 0 else None


def _spent(case: Case, points: Series) -> Floats:
    """Part of all learning rate that was spent up to each point; of all steps where it is not
    known."""
    rates, places = case.finite("learning_rate"), points.places
    span = max(float(places[-1] - places[0]), 1e-12)
    total = np.cumsum(np.maximum(rates.values, 0.0))
    if len(rates) < POINTS or not np.isfinite(rates.places).all() or total[-1] <= 0:
        return np.asarray((places - places[0]) / span, dtype=np.float64)
    return np.asarray(np.interp(places, rates.places, total / total[-1]), dtype=np.float64)


def _slope(x: Floats, y: Floats) -> float:
    """Sen's slope, downwards."""
    some = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST)).astype(int))
    x, y = x[some], y[some]
    i, j = np.triu_indices(len(x), 1)
    apart = x[j] > x[i]
    steps = (y[i] - y[j])[apart] / (x[j] - x[i])[apart]
    return float(np.median(steps)) if len(steps) else 0.0


def _tail(n: int) -> int:
    return max(3, n // 10)
