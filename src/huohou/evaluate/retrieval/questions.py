"""Which questions a search is asked, and which of them its training has seen."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from huohou.data.normal import normal
from huohou.data.pairs import PairSet, Query, fingerprint_pairs, read_pairs
from huohou.data.pairs.beir import qrels_files
from huohou.errors import UsageError
from huohou.evaluate.retrieval.lineage import planned
from huohou.plan import Plan
from huohou.record.workspace import SCORECARD, slug

SETS = ("train", "eval", "test")
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions over a corpus. on: train, eval, test or file; card: name of the scorecard they
    make; rows: how many there were before some were drawn."""

    pairs: PairSet
    on: str
    card: str
    rows: int

    def described(self) -> dict[str, object]:
        """What a scorecard says of them."""
        return {
            "on": self.on,
            "source": self.pairs.source,
            "rows": self.rows,
            "asked": len(self.pairs.queries),
            "passages": len(self.pairs.passages),
            "documents": len({d for q in self.pairs.queries for d in self.pairs.documents_of(q)}),
            "fingerprint": fingerprint_pairs(self.pairs),
        }


def choose(plan: Plan, on: str | None = None, limit: int | None = None) -> Asked:
    """The questions that ``on`` names; None: the plan's test questions, else its eval questions.

    Test questions are those of ``data.test``, or the test part of the folder that was trained on.
    limit: at most so many, drawn at random. Raises UsageError where there are none, DataError.
    """
    usual = "test" if _test(plan) else "eval"
    wanted, card = on or usual, Path(SCORECARD).stem
    if wanted not in SETS:
        pairs, where = _file(Path(wanted)), "file"
        card = f"{card}-{slug(Path(wanted).stem)}"
    else:
        pairs, where = _part(plan, wanted), wanted
        card = card if wanted == usual else f"{card}-{wanted}"
    if not pairs.queries:
        raise UsageError("eval.no_questions", on=wanted)
    return Asked(_drawn(pairs, limit), where, card, len(pairs.queries))


def _part(plan: Plan, name: str) -> PairSet:
    part = {"train": plan.train, "eval": plan.eval, "test": None}[name]
    if part is not None:
        return planned(part, name)
    test = _test(plan) if name == "test" else None
    if test is None:
        raise UsageError("eval.no_questions", on=name)
    return read_pairs(test, "test" if test.is_dir() else None)


def _test(plan: Plan) -> Path | None:
    """Where the test questions are, None where there are none."""
    given = plan.value("data.test")
    if given:
        return Path(given)
    trained = Path(plan.train.path)
    return trained if trained.is_dir() and "test" in qrels_files(trained) else None


def _file(path: Path) -> PairSet:
    """A file, or a folder: its test questions where it has some, else those of all parts."""
    has_test = path.is_dir() and "test" in qrels_files(path)
    return read_pairs(path, "test" if has_test else None)


def _drawn(pairs: PairSet, limit: int | None) -> PairSet:
    if limit is None or limit >= len(pairs.queries):
        return pairs
    if limit < 1:
        raise UsageError("eval.bad_limit", limit=limit)
    chosen = sorted(random.Random(0).sample(range(len(pairs.queries)), limit))
    return replace(pairs, queries=tuple(pairs.queries[i] for i in chosen))


def seen_in_training(asked: PairSet, trained: Iterable[PairSet]) -> list[Query]:
    """Questions with the words of one trained on, or answered by a passage that answered one: that
    passage was pulled towards its question."""
    words: set[str] = set()
    answers: set[str] = set()
    for pairs in trained:
        words |= {normal(query.text) for query in pairs.queries}
        used = {id for query in pairs.queries for id in query.positives}
        answers |= {normal(pairs.passage(id).text) for id in used}
    return [
        query
        for query in asked.queries
        if normal(query.text) in words
        or any(normal(asked.passage(id).text) in answers for id in query.positives)
    ]


def refuse_seen(seen: list[Query], asked: PairSet) -> None:
    """Raise UsageError for questions that were trained on, naming the first of them."""
    if seen:
        first = "\n".join(f"  {asked.place(one)}: {one.text[:60]}" for one in seen[:SHOWN])
        raise UsageError("eval.trained_on", count=len(seen), of=len(asked.queries), first=first)
