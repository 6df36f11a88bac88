"""How sure an answer may be: from what the look-up found to the probability of each row, and none.

Every row that was found gets a weight ``w . features``, "none of these" a constant; the
probabilities are their softmax (a conditional logit, McFadden 1974). Two rows that look alike share
what there is, a row with little in its favour loses to "none". A model's choice adds
``trust * log(chance of this row / chance of none)``, where trust is what its choices were worth on
held-out questions: a model without skill has none, and changes nothing.

The weights are numbers in a JSON file, fitted by ``huohou.answer.fitting``; the one that comes with
huohou was fitted on generated questions about branches of banks.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from huohou.answer.types import KEYED, Hit, Status
from huohou.data.tables import split_source
from huohou.errors import DataError
from huohou.measure.recalibration import Platt

SCHEMA = 1
MOST_CHOICES = 3  # rows put before the asker
RIVAL = 0.1  # of the best row's probability: a row with less is no choice beside it
NEAR = 1  # slips up to which the letters say more than how much is shared
NEARBY = ("unlike", "other.bank", "cover.asked", "cover.tail", "cover.head", "rare", "score.lead")
SWAY = 3.0  # nats: however sure a model says it is, it speaks no louder
UNKNOWN_MODEL = 0.05  # trust in a model that nobody has measured: it orders equal rows, no more


@dataclass(frozen=True, slots=True)
class Belief:
    """What is believed of one question. hits: probability of each row, in their order; none: that
    it is none of them. They sum to 1."""

    hits: tuple[float, ...]
    none: float

    def order(self) -> list[int]:
        """Numbers of the rows, the likeliest first; of equal ones the one that was found first."""
        return sorted(range(len(self.hits)), key=lambda i: -self.hits[i])


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a belief. rows: numbers of the rows to name, the likeliest first; confidence:
    that the answer, as it is given, is right."""

    status: Status
    rows: tuple[int, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Confidence:
    """The fitted weights, and the confidences from which on to answer.

    weights: by feature; none: constant of "none of these"; trust: by name of a model; found: an
    answer is given from this probability on; choice: up to three rows are offered when together
    they have it; unknown: of "none", from which on the name counts as not in the table; curves: by
    status, slope and offset over the log odds of what the weights say, as held-out questions bore
    it out; ceilings: by status, the confidence that no answer exceeds; error: the share of wrong
    answers that ``found`` was chosen for; about: how calibrated it was on questions kept out.
    """

    weights: Mapping[str, float]
    none: float
    trust: Mapping[str, float] = field(default_factory=dict)
    found: float = 0.9
    choice: float = 0.6
    unknown: float = 0.5
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    ceilings: Mapping[str, float] = field(default_factory=dict)
    error: float = 0.005
    about: Mapping[str, Any] = field(default_factory=dict)

    def believe(
        self, hits: Sequence[Hit], chosen: Sequence[float] | None = None, model: str = ""
    ) -> Belief:
        """The probability of each row, and of none.

        chosen: a model's probabilities of the rows and, last, of "none of these", which stands for
        len(hits) + 1 numbers, or fewer rows where only the first were put before the model. model:
        its name. What is no probability (NaN, or out of 0..1) is left out.
        """
        scores = [self._score(found) for found in features(hits)]
        for i, said in enumerate(swayed(chosen, len(hits))):
            scores[i] += self.trust.get(model, UNKNOWN_MODEL) * said
        top = max([*scores, self.none])
        raw = [math.exp(score - top) for score in (*scores, self.none)]
        whole = math.fsum(raw)
        return Belief(tuple(one / whole for one in raw[:-1]), raw[-1] / whole)

    def decide(self, belief: Belief) -> Decision:
        """Answer, ask back, say that it is unknown, or that it is not sure.

        The rows of "unsure" are candidates to look at, not an answer.
        """
        status, rows, sure = self._decided(belief)
        return Decision(status, rows, self.settled(status, sure))

    def settled(self, status: Status, sure: float) -> float:
        """A confidence as held-out questions have shown answers of its kind to be worth."""
        if status in self.curves:
            sure = Platt(*self.curves[status]).at(sure)
        return min(sure, self.ceilings.get(status, 1.0))

    def _decided(self, belief: Belief) -> tuple[Status, tuple[int, ...], float]:
        order = belief.order()
        if not order or belief.none >= max(self.unknown, belief.hits[order[0]]):
            return "unknown", (), belief.none
        best = belief.hits[order[0]]
        if best >= self.found:
            return "found", (order[0],), best
        rivals = [row for row in order[:MOST_CHOICES] if belief.hits[row] >= RIVAL * best]
        total = math.fsum(belief.hits[row] for row in rivals)
        if len(rivals) > 1 and total >= self.choice:
            return "ambiguous", tuple(rivals), total
        return "unsure", tuple(order[:MOST_CHOICES]), best

    def _score(self, found: Mapping[str, float]) -> float:
        return math.fsum(self.weights.get(name, 0.0) * value for name, value in found.items())

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"schema": SCHEMA, **asdict(self)}

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        half = path.with_name(f"{path.name}.part")
        text = json.dumps(self.as_dict(), ensure_ascii=False, indent=1, sort_keys=True)
        half.write_text(f"{text}\n", encoding="utf-8")
        half.replace(path)


def features(hits: Sequence[Hit]) -> list[dict[str, float]]:
    """What speaks for each row, by name: how it was found, its slips, and where it only resembles
    what was asked, how much, and by how much it leads the best of the others (or trails it).

    A row that bears the very name needs no resemblance: two such rows are told apart by nothing,
    and one that bears it less exactly is as good as one that resembles it.
    """
    scores = [hit.score for hit in hits]
    best, second = _two_best(scores)
    surest = next((how for how in KEYED if any(hit.how == how for hit in hits)), None)
    found = []
    for hit in hits:
        if hit.how == surest:
            found.append({f"how.{surest}": 1.0})
            continue
        lead = hit.score - (second if hit.score == best else best)
        own = {**hit.features, "score": hit.score, "score.lead": lead}
        slips = own.pop("slips", None)
        if slips is not None:
            own[f"slips.{slips:.0f}"] = 1.0
        if slips is not None and slips <= NEAR:
            own = {f"near.{name}": own[name] for name in NEARBY if name in own} | {
                f"slips.{slips:.0f}": 1.0
            }
        elif own.get("alone"):
            own = {"alone": 1.0}  # branches of one name are told apart by nothing either
        elif hit.how not in KEYED:
            own[f"how.{hit.how}"] = 1.0
        found.append(own)
    return found


def _two_best(scores: Sequence[float]) -> tuple[float, float]:
    ranked = sorted(scores, reverse=True)
    return (ranked[0] if ranked else 0.0), (ranked[1] if len(ranked) > 1 else 0.0)


def swayed(chosen: Sequence[float] | None, rows: int) -> list[float]:
    """A model's choice as log odds against "none", within SWAY; of rows it was not asked about 0.

    >>> [round(x, 2) for x in swayed([0.8, 0.1, 0.1], 3)]
    [2.08, 0.0, 0.0]
    >>> swayed([float("nan"), 0.5], 1)
    [0.0]
    """
    if chosen is None or not chosen or len(chosen) > rows + 1:
        return [0.0] * rows
    if not all(0 <= p <= 1 for p in chosen):  # NaN compares false
        return [0.0] * rows
    low = math.exp(-2 * SWAY)
    none = math.log(max(chosen[-1], low))
    said = [max(-SWAY, min(SWAY, math.log(max(p, low)) - none)) for p in chosen[:-1]]
    return said + [0.0] * (rows - len(said))


def read_confidence(path: Path) -> Confidence:
    """A file written by ``Confidence.save``. Raises DataError for what is none."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw.pop("schema") != SCHEMA:
            raise ValueError("schema")
        found = Confidence(**raw)
        single = (found.none, found.found, found.choice, found.unknown)
        several = (found.weights, found.trust, found.ceilings)
        curves = [number for slope, offset in found.curves.values() for number in (slope, offset)]
        numbers = (*single, *curves, *(value for one in several for value in one.values()))
        if not all(math.isfinite(one) for one in numbers):
            raise ValueError("not a number")
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise DataError("answer.bad_confidence", path=path, problem=error) from error
    return found


def beside(source: str) -> Path:
    """Where the confidence of a table lies: beside it, under its name.

    >>> beside("banks/branches.csv").name
    'branches.confidence.json'
    """
    path, inner = split_source(source)
    name = f"{path.stem}-{inner}" if inner else path.stem
    return path.with_name(f"{name}.confidence.json")


def of_table(source: str) -> Confidence | None:
    """The confidence fitted on a table, None where none lies beside it. Raises DataError."""
    path = beside(source)
    return read_confidence(path) if path.is_file() else None


@cache
def shipped() -> Confidence:
    """The one that comes with huohou."""
    raw = json.loads((files("huohou.answer") / "confidence.json").read_text(encoding="utf-8"))
    raw.pop("schema")
    return Confidence(**raw)
