"""Numbers of a scorecard of searches: means with intervals by document, chance, and differences."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from huohou.evaluate.card import Comparison, Metric
from huohou.evaluate.retrieval.seen import Seen, Task
from huohou.measure.candidates import TopRow, top_table
from huohou.measure.intervals import mean_interval
from huohou.measure.paired import compare, mcnemar
from huohou.measure.retrieval import Floats, Ranking, accuracy, measures
from huohou.text import say

KS = (1, 5, 10, 100)
TOPS = (1, 3, 5)
MAIN = "ndcg@10"
OWN = "retrieval"  # the model that the card is of
BASE = "base"
BM25 = "bm25"
STAGES = ("stage1", "stage2")
SYSTEMS = (OWN, BM25, *STAGES)
MEASURES = (MAIN, "mrr@10", "accuracy@1", *(f"recall@{k}" for k in KS))
NAMES = (
    *(f"{system}.{measure}" for system in SYSTEMS for measure in MEASURES),
    *(f"candidates.top@{k}" for k in TOPS),
    *(f"candidates.{system}.top@{k}" for system in (BASE, BM25, *STAGES) for k in TOPS),
)


def values_of(ranking: Ranking) -> dict[str, Floats]:
    """Each measure [Q], the most telling first."""
    found = measures(ranking, KS)
    return {name: found[name] for name in MEASURES}


def metrics(seen: Mapping[str, Seen], task: Task, mark: str = "") -> list[Metric]:
    """All metrics of a card. seen: by system, OWN first; mark: what stands beside every number."""
    values = {name: values_of(one.ranking) for name, one in seen.items()}
    chance = values_of(next(iter(seen.values())).ranking.guessed())
    found: list[Metric] = []
    for system in SYSTEMS:
        if system in seen:
            baseline = values.get(BASE)
            found += _means(system, values[system], baseline, chance, task)
    found += _candidates(seen, task)
    return [replace(metric, mark=mark) for metric in found]


def _means(
    system: str,
    values: Mapping[str, Floats],
    baseline: Mapping[str, Floats] | None,
    chance: Mapping[str, Floats],
    task: Task,
) -> Iterator[Metric]:
    for name, own in values.items():
        mean = mean_interval(own.tolist(), task.groups)
        metric = Metric(
            f"{system}.{name}",
            definition(system, name, task),
            mean.value,
            mean.low,
            mean.high,
            mean.n,
            chance=float(chance[name].mean()),
            unit="ratio" if name in (MAIN, "mrr@10") else "share",
            groups=mean.groups,
            method=mean.method,
        )
        if baseline is None:
            yield metric
            continue
        theirs = mean_interval(baseline[name].tolist(), task.groups)
        apart = compare(own, baseline[name], task.groups).difference
        yield replace(
            metric,
            baseline=theirs.value,
            baseline_low=theirs.low,
            baseline_high=theirs.high,
            difference=(apart.value, apart.low, apart.high),
        )


def definition(system: str, measure: str, task: Task) -> str:
    """What a number is, in words."""
    kind, _, k = measure.partition("@")
    told = say(f"metric.search.{kind}", k=k, n=len(task.pairs.passages))
    return (
        told if system == OWN else say("metric.search.of", definition=told, system=name_of(system))
    )


def name_of(system: str) -> str:
    """A system as people call it."""
    return say(f"eval.system.{system}")


def _candidates(seen: Mapping[str, Seen], task: Task) -> Iterator[Metric]:
    """The few candidates, each number beside what guessing scores."""
    if not task.negatives:
        return
    ks = [k for k in TOPS if k <= task.negatives]
    for system, one in seen.items():
        before = "" if system == OWN else f"{system}."
        for row in top_table(one.few, ks, task.groups):
            told = say("metric.search.top", k=row.k, negatives=task.negatives)
            if before:
                told = say("metric.search.of", definition=told, system=name_of(system))
            yield Metric(
                f"candidates.{before}top@{row.k}",
                told,
                row.value,
                row.low,
                row.high,
                row.n,
                chance=row.chance,
                groups=len(set(task.groups)),
                method="bootstrap",
                p=_surprise(row),
            )


def _surprise(row: TopRow) -> float:
    """P of a random order that scores this or farther from chance, on the side it is on."""
    return row.p_below if row.value < row.chance else row.p_above


def below_chance(seen: Seen, task: Task) -> TopRow | None:
    """The first row of the few candidates that a random order is unlikely to score as low as."""
    ks = [k for k in TOPS if k <= task.negatives]
    rows = top_table(seen.few, ks, task.groups) if ks else []
    return next((row for row in rows if row.verdict == "below"), None)


def comparisons(
    seen: Mapping[str, Seen], task: Task, pairs: Sequence[tuple[str, str]]
) -> list[Comparison]:
    """Paired differences of nDCG@10 and of the first hit, for each (new, old) that is there."""
    return [
        comparison(new, old, seen[new].ranking, seen[old].ranking, task)
        for new, old in pairs
        if new in seen and old in seen
    ]


def comparison(new: str, old: str, after: Ranking, before: Ranking, task: Task) -> Comparison:
    """What one search gains over another on the same questions."""
    first, second = (values_of(one)[MAIN] for one in (after, before))
    found = compare(first, second, task.groups)
    hits = mcnemar(accuracy(after, 1), accuracy(before, 1))
    told: dict[str, Any] = {
        "only_first": hits.only_first,
        "only_second": hits.only_second,
        "both": hits.both,
        "neither": hits.neither,
        "p": hits.p,
    }
    verdict = "better" if found.better else "worse" if found.worse else "same"
    return Comparison(
        first=new,
        second=old,
        metric=MAIN,
        difference=found.difference.value,
        low=found.difference.low,
        high=found.difference.high,
        p=found.p,
        higher=found.higher,
        lower=found.lower,
        same=found.same,
        hits=told,
        verdict=verdict,
    )
