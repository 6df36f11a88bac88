"""Two scorecards of the same questions: what changed, by how much, and in which answers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from huohou.errors import UsageError
from huohou.evaluate.card import Scorecard
from huohou.evaluate.differences import Difference, Pair, differences, values_of
from huohou.measure.paired import power_sentence
from huohou.record.events import plain
from huohou.text import say

SCHEMA = 1
SHOWN = 20  # flips that are kept to be read, of either direction


@dataclass(frozen=True, slots=True)
class Scored:
    """A scorecard with its answers. path: of the card; answers: lines of ``CARD.answers.jsonl``."""

    path: Path
    card: Scorecard
    answers: tuple[Mapping[str, Any], ...]

    def about(self) -> dict[str, Any]:
        """Which card this is."""
        run = self.card.run
        return {"card": str(self.path), "run": run.get("name"), "model": run.get("model")}


@dataclass(frozen=True, slots=True)
class Flip:
    """A question that one answers better than the other. change: second - first of the metric."""

    question: str
    reference: str
    style: str | None
    first: str
    second: str
    change: float
    better: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """What changed from the first scorecard to the second.

    settings: what was set otherwise, name to both values; flips: questions whose answer got better
    or worse by the first of the differences, the largest change first.
    """

    first: Mapping[str, Any]
    second: Mapping[str, Any]
    questions: Mapping[str, Any]
    settings: Mapping[str, tuple[Any, Any]]
    differences: tuple[Difference, ...]
    flips: tuple[Flip, ...]
    words: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The document of ``compare --json``."""
        found: dict[str, Any] = plain({"schema": SCHEMA, **asdict(self)})
        return found


def load_scored(path: Path) -> Scored:
    """A scorecard file with the answers beside it. Raises UsageError for what is none."""
    try:
        card = Scorecard.load(path)
        with (path.parent / card.answers).open(encoding="utf-8") as lines:
            answers = tuple(json.loads(line) for line in lines)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError("compare.no_card", path=path, problem=error) from error
    return Scored(path, card, answers)


def cards_of(folder: Path, on: str | None = None) -> list[Path]:
    """The scorecards of a run, the usual one first; those of ``on`` alone. UsageError for none."""
    stem = "scorecard" if on is None else f"scorecard-{on}"
    usual = folder / f"{stem}.json"
    others = [] if on is not None else sorted(folder.glob(f"{stem}-*.json"))
    found = [path for path in (usual, *others) if path.is_file()]
    if not found:
        raise UsageError("compare.not_scored", folder=folder, on=on or "-")
    return found


def same_questions(first: Sequence[Path], second: Sequence[Path]) -> tuple[Scored, Scored]:
    """The first two cards of the same questions. Raises UsageError where no two are."""
    ours, theirs = ([load_scored(path) for path in paths] for paths in (first, second))
    for one in ours:
        for other in theirs:
            if _asked(one) is not None and _asked(one) == _asked(other):
                return one, other
    raise UsageError(
        "compare.other_questions",
        first=_told(ours[0]),
        second=_told(theirs[0]),
    )


def _asked(scored: Scored) -> Any:
    return scored.card.questions.get("fingerprint")


def _told(scored: Scored) -> str:
    asked = scored.card.questions
    return f"{scored.path}: {asked.get('asked')} x {asked.get('source')}"


def compared(first: Scored, second: Scored) -> Compared:
    """What changed from the first to the second. Both hold answers to the same questions."""
    pairs = list(zip(first.answers, second.answers, strict=True))
    if any(a["question"] != b["question"] for a, b in pairs):
        raise UsageError("compare.other_questions", first=_told(first), second=_told(second))
    found = tuple(differences(first.card.metrics, pairs))
    if not found:
        raise UsageError("compare.nothing", first=first.path, second=second.path)
    flips = tuple(_flips(pairs, found[0]))
    return Compared(
        first.about(),
        second.about(),
        dict(first.card.questions),
        _settings(first.card, second.card),
        found,
        flips,
        tuple(_words(found)),
    )


def _flips(pairs: Sequence[Pair], by: Difference) -> Iterator[Flip]:
    """Answers that changed, those that got worse first: they are what one wants to read."""
    changed = []
    for a, b in pairs:
        before, after = values_of(a).get(by.metric), values_of(b).get(by.metric)
        if before is not None and after is not None and before != after:
            good = (after > before) == (by.better == "higher")
            changed.append(_flip(a, b, after - before, good))
    for good in (False, True):
        side = [flip for flip in changed if flip.better is good]
        yield from sorted(side, key=lambda flip: -abs(flip.change))[:SHOWN]


def _flip(a: Mapping[str, Any], b: Mapping[str, Any], change: float, better: bool) -> Flip:
    reference = a.get("reference") or ", ".join(map(str, a.get("answers", ())))
    style = a.get("meta", {}).get("style")
    return Flip(a["question"], reference, style, _said(a), _said(b), change, better)


def _said(answer: Mapping[str, Any]) -> str:
    """The answer as it is shown: words, or what a search put first."""
    if "searches" in answer:
        first = answer["searches"]["retrieval"]["first"][0]
        return str(answer.get("texts", {}).get(first, first))
    return str(answer["tuned"]["answer"])


def _settings(first: Scorecard, second: Scorecard) -> dict[str, tuple[Any, Any]]:
    """What of the scoring was set otherwise, the model among it."""
    old = {**first.settings, "model": first.run.get("model")}
    new = {**second.settings, "model": second.run.get("model")}
    names = sorted({*old, *new})
    return {n: (old.get(n), new.get(n)) for n in names if old.get(n) != new.get(n)}


def _words(found: Sequence[Difference]) -> Iterator[str]:
    main = found[0]
    scale = 100 if main.unit == "share" else 1
    points = {
        "metric": main.metric,
        "points": f"{abs(main.difference) * scale:.1f}",
        "low": "-" if main.low is None else f"{main.low * scale:+.1f}",
        "high": "-" if main.high is None else f"{main.high * scale:+.1f}",
        "n": main.n,
        "groups": main.groups,
    }
    yield say(f"compare.words.{main.verdict}", **points)
    if main.verdict == "same":
        yield power_sentence(main.groups)
    worse = [one.metric for one in found[1:] if one.verdict == "worse"]
    if worse:
        yield say("compare.words.also_worse", metrics=", ".join(worse))
    if len(found) > 1:
        yield say("compare.words.many", count=len(found))
