"""The loss does not move."""

from collections.abc import Sequence

from huohou.diagnose.case import Case
from huohou.diagnose.curves import Trend, level, noise, trend
from huohou.diagnose.examples import falling, line, run
from huohou.diagnose.rule import Cause, Need, Outcome, rule
from huohou.diagnose.rules.lr_too_low import AMPLE
from huohou.diagnose.settings import amount, plain_descent
from huohou.measure.reference import COIN_LOSS, uniform_loss
from huohou.record.finding import Evidence, Finding, Severity

POINTS = 10
GAIN = 0.05  # less than this part of the loss was gained
EXACT = 1e-3  # all values within this part of each other: so flat that 4 of them are enough
EARLY = 0.1  # of a planned run: too early to say
PLATEAU = 0.01  # the course after the first fifth lies within this,
WIDE = 0.10  # or within this where the loss is near that of a guess, or its latter half does where
# the loss is high and the rate is not low, and
HALF = 0.5  # not half of the first loss was gained before

# What tells a run that learns nothing from one that has nothing left to learn:
SLOW = 1e-5  # a highest learning rate below this
ACCURATE = 0.9  # an accuracy below this
HIGH = 3.0  # nats a token: more than a model has left after learning (perplexity 20)
DROWNED = 0.04  # of the bound of a gradient, as noise on each weight: thousands add up to more
UPDATES = 50  # after fewer nothing is said of a loss that is high, but still falls
GUESS = 0.85  # of ln(vocabulary)
MANY = 100  # tokens of a vocabulary; fewer are classes or characters
CLIPPED = 1e-3  # gradients cut to this part of themselves, to a norm below this,
DAMPED = 1e-2  # an epsilon: a thousand times the gradient of a weight, whose step it divides
LITTLE = 0.25  # while this part of the loss is left
COIN = 0.01  # a preference loss this near to ln 2

USUAL = 1e-4  # a learning rate below this may be raised tenfold

STEEP = [4.2, *line(3.32, 3.32, n=39, noise=0.001)]


@rule(
    "loss-stuck",
    severity="warning",
    cause=Cause.RATE,
    needs=(Need("loss", 4),),
    explains=("undertrained",),
    fires=(
        run(loss=line(1.40, 1.39, n=13, noise=0.003)),
        run(loss=[0.34324, 0.34324, 0.34323, 0.34323]),
        run(loss=line(2.3, 2.3, noise=0.01), evals=[2.3, 2.31, 2.3, 2.3], accuracy=[0.1] * 40),
        run(loss=line(0.6931, 0.6931), more={"rewards/chosen": line(0.1, 0.1)}),
        run(loss=STEEP),
        run(loss=[9.4, 6.9, *line(6.0, 5.8, n=38, noise=0.003)], facts={"vocab_size": 560}),
        run(loss=falling(5.9, 3.8, n=60, noise=0.1), learning_rate=[2e-3] * 60),
        run(loss=line(5.9, 4.0), grad_norm=line(24, 14), facts={"max_grad_norm": 2e-8}),
        run(loss=line(5.9, 5.6, noise=0.3), facts={"adam_epsilon": 10.0}),
        run(loss=falling(5.5, 3.4, noise=0.1), facts={"noise_multiplier": 1.0, "batch_size": 8}),
    ),
    quiet=(
        run(loss=falling(2.3, 1.1)),
        run(loss=falling(1.02, 0.9, rate=1.0)),
        run(loss=line(5.9, 4.0), grad_norm=line(24, 14), facts={"max_grad_norm": 0.1}),
        run(loss=line(1.4, 1.39, n=6)),
        run(loss=line(5.9, 4.0), facts={"adam_epsilon": 1e-6}),
        run(loss=falling(5.5, 2.4), facts={"noise_multiplier": 1.0, "batch_size": 512}),
        run(loss=line(2.3, 2.3, n=40, noise=0.3)),
        run(loss=[1.5, *line(0.3, 0.3)]),
        run(loss=line(11.9, 11.9, n=14), facts={"max_steps": 3000, "finished": False}),
        run(loss=line(0.69, 0.69), reward=line(0.1, 0.5)),
        run(loss=falling(5.9, 3.8, n=60, noise=0.1), learning_rate=[2e-5] * 60),
    ),
)
def loss_stuck(case: Case) -> Outcome:
    """The change over the run, by Sen's slope with its 95 % interval, is under 5 % of the loss and
    there is no significant fall; or less than half was gained in the first steps and the rest is
    flat within 1 %, or within 10 % where the loss is still above 0.85 times that of a uniform
    guess; or the latter half lies within 10 % above 3 nats a token, after 50 updates and more with
    a rate of 5e-4 and more. It is a warning where something says that there was more to learn: a
    tiny learning rate, an accuracy under 90 %, more than 3 nats a token, a loss near that of a
    uniform guess, a preference loss at ln 2, or values so equal that no update can have happened.
    It is said, too, of a run that kept a quarter of its loss while all its gradients are cut to a
    norm under a thousandth, as far as they are known a thousandth of what they were: next to the
    epsilon of Adam that is nothing. Otherwise it is information: the log alone cannot tell a run
    that learns nothing from one that has nothing left to learn. Rewards are left out, their loss
    need not fall. The same holds for an epsilon of the optimizer of 0.01 and more: updates are
    divided by it then, and not by the size of the gradient; and for noise on the gradients, as for
    privacy, whose multiplier is 0.04 times the rows of an update and more: over thousands of
    weights it drowns them.
    """
    values, n = case.losses, len(case.losses)
    if case.objective == "reward" or n < 4 or case.is_short_of(EARLY):
        return None
    if min(values) > 0 and max(values) - min(values) < EXACT * level(values):
        return _finding(case, "exact", Trend(0, values[-1] - values[0], 0, 0))
    if n < POINTS:
        return Need("loss", POINTS)
    whole = trend(values)
    middle, end = level(values), level(values[-n // 5 :])
    first = max(values[0], level(values[: max(1, n // 10)]))
    spread = 3 * noise(values)
    flat = -whole.low < GAIN * abs(middle) and whole.high < 3 * GAIN * abs(middle)
    if flat and not whole.falls() and first - end < GAIN * abs(middle) + spread:
        return _finding(case, "flat", whole)
    rest = trend(values[n // 5 :])
    moved = max(abs(rest.low), abs(rest.high))
    limit = WIDE if _uniform(case, end) else PLATEAU
    if moved < limit * end and end > HALF * values[0] and first - end >= spread:
        return _finding(case, "plateau", rest)
    if facts := _clipped(case, values[0], end):
        return _finding(case, "", rest, facts)
    late = trend(values[n // 2 :])
    held = max(-late.change, late.change) < WIDE * end and end > HALF * values[0]
    return _finding(case, "held", late) if held and _high(case, end) else None


def _high(case: Case, end: float) -> bool:
    """Whether a language model ends with a high loss though its rate is not low."""
    if case.embedding or case.objective != "likelihood" or end <= HIGH:
        return False
    ample = (case.peak_rate() or amount(case, "learning_rate") or 0.0) >= AMPLE
    return ample and not plain_descent(case) and (case.updates or 0) >= UPDATES


def damped(case: Case) -> float | None:
    """The epsilon of an optimizer like Adam where it is so large that it, and not the size of the
    gradient, is what updates are divided by; None where it is usual or not known."""
    known = (amount(case, name) for name in ("adam_epsilon", "epsilon", "eps", "optimizer_epsilon"))
    found = next((value for value in known if value is not None), None)
    return found if found is not None and found >= DAMPED and not plain_descent(case) else None


def _clipped(case: Case, start: float, end: float) -> list[Evidence]:
    """Gradients that are all clipped, or divided, to next to nothing, and little was gained."""
    if (epsilon := damped(case)) is not None and end >= LITTLE * start:
        return [loss_stuck.evidence("damped", case.loss[-1], first=start, epsilon=epsilon)]
    noisy, rows = amount(case, "noise_multiplier"), _rows(case)
    if noisy is not None and rows and noisy >= DROWNED * rows and end >= LITTLE * start:
        told = {"first": start, "noise": noisy, "rows": round(rows)}
        return [loss_stuck.evidence("drowned", case.loss[-1], **told)]
    limit, norms = amount(case, "max_grad_norm"), case.finite("grad_norm").values
    if limit is None or not 0 < limit < CLIPPED or end < LITTLE * start:
        return []
    if len(norms) and limit > CLIPPED * level(norms):
        return []
    return [loss_stuck.evidence("clipped", case.loss[-1], first=start, limit=limit)]


def _rows(case: Case) -> float | None:
    """Rows that an update takes."""
    size, pieces = amount(case, "batch_size"), amount(case, "gradient_accumulation") or 1.0
    return amount(case, "total_batch_size") or (size * pieces if size else None)


def _finding(
    case: Case, key: str, found: Trend, clipped: Sequence[Evidence] | None = None
) -> Finding:
    first, last = case.loss[0], case.loss[-1]
    middle = level(case.losses)
    low, high = (round(100 * x / (abs(middle) or 1), 2) for x in (found.low, found.high))
    n = len(case.losses)
    told = {"first": first.value, "n": n, "low": low, "high": high}
    facts = [loss_stuck.evidence(key, last, **told)] if key else []
    clipped = _clipped(case, first.value, last.value) if clipped is None else clipped
    unlearnt = [*clipped, *_unlearnt(case, middle)]
    sure = bool(unlearnt) or key == "exact"
    peak = case.peak_rate()
    rate = "rate" if peak is None or peak < USUAL else "both_ways"
    keys = ("check", rate) if sure else ("known", "check", rate)
    advice = [loss_stuck.advice(name) for name in keys]
    if clipped and damped(case) is not None:
        advice.insert(0, loss_stuck.advice("epsilon"))
    elif clipped and amount(case, "noise_multiplier"):
        advice.insert(0, loss_stuck.advice("noise"))
    elif clipped:
        advice.insert(0, loss_stuck.advice("clip", set={"train.max_grad_norm": 1.0}))
    severity: Severity = "warning" if sure else "info"
    return loss_stuck.finding([*facts, *unlearnt], advice, severity, level=middle)


def _unlearnt(case: Case, middle: float) -> list[Evidence]:
    """What says that there was something left to learn."""
    facts: list[Evidence] = []
    peak = case.peak_rate()
    if peak is not None and peak < SLOW:
        facts.append(loss_stuck.evidence("slow", rate=peak))
    accuracy = next((p[-1] for name in _ACCURACIES if (p := case.finite(name))), None)
    if accuracy is not None and accuracy.value < ACCURATE:
        facts.append(loss_stuck.evidence("accuracy", accuracy))
    facts += _uniform(case, middle)
    if case.objective == "likelihood" and not case.embedding and middle > HIGH:
        facts.append(loss_stuck.evidence("high", middle=middle))
    if case.objective == "preference" and abs(middle - COIN_LOSS) < COIN * COIN_LOSS:
        facts.append(loss_stuck.evidence("coin", middle=middle))
    return facts


def _uniform(case: Case, value: float) -> list[Evidence]:
    """A loss that is hardly lower than that of guessing all tokens alike."""
    size = amount(case, "vocab_size") or amount(case, "vocabulary")
    if not size or size < MANY or case.objective != "likelihood" or case.embedding:
        return []
    bound = uniform_loss(int(size))
    if value < GUESS * bound:
        return []
    return [loss_stuck.evidence("uniform", middle=value, bound=bound)]


_ACCURACIES = ("accuracy", "mean_token_accuracy", "token_acc", "eval_accuracy", "eval_token_acc")
