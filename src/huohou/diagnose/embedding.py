"""What rules of embeddings have in common: among how many, by what loss, with which scores."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from huohou.diagnose.case import Case, of_training
from huohou.diagnose.curves import level, lowest, noise
from huohou.diagnose.scores import SIMILARITIES, WHOLE, Score, score
from huohou.diagnose.settings import amount
from huohou.measure.ranking import guessed
from huohou.record.record import Figure, Point

EARLY = 0.1  # of a planned run: too early to say
TAIL = 3  # the last third of a course tells where it ended
POINTS = 10
FLAT = 5e-4  # equal to the digits that are printed
FEWEST = 4  # values that tell where a loss ended
AT = 0.02  # as a part of a margin: there
QUIET = 0.02  # of a margin: a loss that moves by more has differences, about 0 in the mean
PLACE = 0.015  # and an evaluation loss that is further from it than this has them, too
LEFT = 0.5  # of a margin: a loss that was below this has told the right ones apart
MOST = 1e9  # of anything that is counted, and of a scale or margin
LIVELY = 0.01  # of ln N: by more than this batches differ, where similarities do
TAUGHT = 0.25  # of its first value is left of the distance to a teacher's embeddings, and
TOLD_APART = 0.5  # of what lies between guessing and knowing, of the first places, are right
END = 5  # values: where such a distance ended
HEAD = 3
GONE = 0.005  # of its first value: it has vanished
FIRST = Score("accuracy", 1)
ONE = 0.95  # cosines of unrelated texts above this,
APART = 0.01  # and those of right pairs no further from them: every text has one vector
FEW = 8  # nobody ranks among fewer without saying so

_DISTANCE = re.compile(r"mse|contrastive|cosine|distan|distil|align|siam|byol|euclid")
_PAIRS = 0.6  # a share of pairs in the right order above this is no guessing
_ORDER = 0.2  # nor a correlation above this


@dataclass(frozen=True, slots=True)
class Seen:
    """A ranking score that was measured: of a report's figure, or the last of a series.

    n: questions, None where that is not known; count: right ones among them; when: "before"
    training, "after", or "" where it is not said.
    """

    name: str
    what: Score
    value: float
    n: int | None = None
    count: int | None = None
    when: str = ""
    point: Point | None = None


def told(case: Case, name: str) -> float | None:
    """A setting that is a number, not negative and of a size that can be meant."""
    value = amount(case, name)
    return value if value is not None and 0 <= value <= MOST else None


def kind(case: Case) -> str | None:
    """``in-batch``, ``margin``, ``logistic`` or another kind of loss, None where nothing tells."""
    known = case.record.facts.get("loss_kind")
    if isinstance(known, str):
        return known
    if told(case, "margin"):
        return "margin"
    return "logistic" if case.record.facts.get("eval_positives_only") else None


def contrasts(case: Case) -> tuple[int, ...]:
    """Numbers of candidates that an in-batch loss of this run may be over, none for other losses.

    From batch size and negatives; where negatives are not known: none, one for each question, or
    (SimCLR's loss) both sides of the batch. Without a batch size, the candidates that are told.
    """
    if kind(case) == "listwise":  # each question has its own list
        own = told(case, "candidates")
        return (int(own),) if own and own >= 2 else ()
    if kind(case) not in (None, "in-batch") or not (case.embedding or may_be_contrast(case)):
        return ()
    batch, negatives = told(case, "batch_size"), told(case, "negatives")
    given = told(case, "candidates") if kind(case) == "in-batch" else None
    if batch and negatives is not None:
        known: tuple[float, ...] = (batch * (1 + negatives),)
    elif batch:
        known = (batch, 2 * batch, 2 * batch - 1)
        known = (given, batch) if given in known[1:] else known
    else:
        known = (given or 0,)
    return tuple(int(n) for n in known if n >= 2)


def may_be_contrast(case: Case) -> bool:
    """Whether a log that says nothing of what was trained has the loss of a guess in its batch, to
    the digits that are printed and to the end: no other loss has that one by chance."""
    size, values = told(case, "batch_size"), case.losses
    known = any(case.record.facts.get(name) for name in ("vocab_size", "vocabulary", "loss_kind"))
    if known or case.objective != "likelihood" or not size or size < FEW or len(values) < POINTS:
        return False
    if any(name.endswith(("accuracy", "token_acc")) for name in case.record.series):
        return False
    end = tail(values)
    guesses = (math.log(size), math.log(2 * size))
    return any(abs(v - level(end)) < FLAT * v and noise(end) < 2 * FLAT * v for v in guesses)


def ranked(case: Case) -> int | None:
    """Candidates that a question of the evaluation is ranked among, None where not known.

    What is told of an in-batch loss may be meant of its batch: then it is not taken.
    """
    known = told(case, "eval_candidates")
    if known is None:
        known = told(case, "candidates")
        if kind(case) == "in-batch" and known in (None, *contrasts(case)):
            known = None
    return int(known) if known and known >= 2 else None


def batches_differ(case: Case, candidates: int) -> bool:
    """Whether an in-batch loss of so many candidates differs from line to line in the first third
    of a run: where all texts lie in a narrow cone it is ln N for every batch."""
    values = case.losses[: max(4, len(case.losses) // TAIL)]
    return noise(values) > LIVELY * math.log(candidates)


def too_early(case: Case) -> bool:
    """Whether a planned run has hardly begun."""
    planned, done = case.planned, case.updates
    return bool(planned and done is not None and done < EARLY * planned)


def tail(values: Sequence[float]) -> list[float]:
    """Where a course ended: its last third, at least 4 values."""
    return list(values[-max(4, len(values) // TAIL) :])


def flat(values: Sequence[float]) -> bool:
    """Whether three values or more are equal to the digits that are printed."""
    if len(values) < 3:
        return False
    low, high = min(values), max(values)
    return high - low <= FLAT * max(abs(low), abs(high), 0.1)


def sits_at(values: Sequence[float], constant: float, part: float) -> bool:
    """Whether a course ended at a constant within a part of it, and hardly moves there."""
    if not flat(values) and len(values) < POINTS:
        return False
    end = tail(values)
    near = abs(level(end) - constant) <= part * constant
    return near and noise(end) <= part * constant


def stuck_at_margin(case: Case) -> bool:
    """Whether a ranking loss ended at its margin, that of the evaluation as well, hardly moves
    there and never left it."""
    margin, values = told(case, "margin"), case.losses
    if not margin or margin <= 0 or (len(values) < FEWEST and not flat(values)):
        return False
    if len(values) > FEWEST and lowest(values) < LEFT * margin:
        return False
    end, evals = tail(values), case.evals.values
    if len(evals) >= 2 and max(abs(evals[-2:] - margin)) > PLACE * margin:
        return False  # it has no noise of batches: similarities differ, in whatever order
    return abs(level(end) - margin) <= AT * margin and noise(end) <= QUIET * margin


def seen(case: Case) -> list[Seen]:
    """Ranking scores of figures, and the last of each series of the evaluation."""
    questions = told(case, "eval_rows")
    rows = int(questions) if questions else None
    return [*_figures(case, rows), *_series(case, rows)]


def _figures(case: Case, rows: int | None) -> Iterator[Seen]:
    for figure in case.record.figures:
        what = score(figure.name)
        if what is not None and -1 <= figure.value <= 1:
            n = figure.of or rows
            yield Seen(figure.name, what, figure.value, n, _count(figure, n), figure.when)


def _count(figure: Figure, n: int | None) -> int | None:
    if figure.count is not None or n is None:
        return figure.count
    return round(figure.value * n)


def _series(case: Case, rows: int | None) -> Iterator[Seen]:
    names = set(case.record.series)
    for name in sorted(names):
        what = score(name)
        # With a threshold it is the accuracy of a yes or no, not of an order.
        if what is None or of_training(name) or f"{name}_threshold" in names:
            continue
        points = case.course(name)
        if points and math.isfinite(points[-1].value):
            last = points[-1]
            count = None if rows is None else round(last.value * rows)
            yield Seen(name, what, last.value, rows, count, "after", last)


def beats_guessing(case: Case, found: Seen) -> bool:
    """Whether a score lies far above what guessing brings, by any number of candidates there is."""
    if found.what.measure == "pair":
        return found.value > _PAIRS
    if found.what.measure == "order":
        return found.value > _ORDER
    k = found.what.k
    mean, _ = guessed(found.what.measure, k, ranked(case) or (FEW if k == WHOLE else max(FEW, k)))
    return found.value > 2 * mean


def logit_std(loss: float, candidates: int) -> float:
    """How far logits that know nothing spread, by what the loss lies above ln N: half a variance.

    >>> round(logit_std(math.log(32) + 0.02, 32), 2), logit_std(3.4, 32)
    (0.2, 0.0)
    """
    return math.sqrt(2 * max(0.0, loss - math.log(candidates)))


def one_vector(case: Case) -> Iterator[tuple[Point, Point]]:
    """Ends of the logged cosines of right and of wrong pairs, where they say that all texts have
    the same vector."""
    for names in SIMILARITIES:
        ends = [points[-1] for name in names if (points := case.finite(name))]
        if len(ends) == 2 and ends[1].value > ONE and abs(ends[0].value - ends[1].value) < APART:
            yield ends[0], ends[1]


def pulls(case: Case) -> bool:
    """Whether the loss is a distance that right pairs, or a text and what a teacher says of it, are
    brought to 0 in: it is nearly 0 where all texts have one vector, too."""
    return _DISTANCE.search(kind(case) or "") is not None


def fallen_together(case: Case) -> Seen | None:
    """First places that are no better than halfway to right, though a distance of right pairs has
    nearly gone: then that of wrong ones has, too."""
    values, among = case.losses, ranked(case)
    firsts = [one for one in seen(case) if one.what == FIRST and one.when != "before"]
    if not pulls(case) or len(values) < POINTS or not firsts or not among:
        return None
    right = (firsts[0].value - 1 / among) / (1 - 1 / among)
    return firsts[0] if _left(case) < TAUGHT and right < TOLD_APART else None


def vanished(case: Case) -> bool:
    """Whether a distance of pairs that were never trained on is as good as 0, and that of training,
    too: new texts of one meaning are near each other, but in one place only where all texts are."""
    few = len(case.losses) < POINTS or not len(case.evals)
    return pulls(case) and not few and _left(case) < GONE


def _left(case: Case) -> float:
    """The part of the first loss that is left, of the evaluation loss where that is more."""
    first = level(case.losses[:HEAD])
    ends = [level(course[-END:]) for course in (case.losses, case.evals.values.tolist()) if course]
    return max(ends) / first if first > 0 else 1.0


def decimals(values: Sequence[float]) -> int:
    """Decimals that numbers were written with, by the one that has most.

    >>> decimals([0.272, 0.1931]), decimals([2.0])
    (4, 0)
    """
    return max((_decimals(f"{value:.10f}") for value in values), default=0)


def _decimals(written: str) -> int:
    return len(written.rstrip("0").partition(".")[2])
