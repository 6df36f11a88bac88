"""Train, eval and test by document: what is asked for in test was never read in train."""

import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from huohou.data.normal import normal
from huohou.data.pairs.pairset import PARTS, PairSet
from huohou.data.similar import merge, near_pairs
from huohou.errors import DataError, UsageError
from huohou.text import say


def split_pairs(
    pairs: PairSet, eval_share: float = 0.1, test_share: float = 0.1, seed: int = 42
) -> dict[str, PairSet]:
    """Split queries by the documents that answer them; the same seed gives the same split.

    Documents with equal or nearly equal passages, those that answer one query, and those that are
    asked for in the same words stay on one side. eval_share, test_share: part of the queries, or
    from 1 on a number of documents; 0 for none. Every part has all passages, with their part set.
    Raises UsageError for shares that leave nothing, DataError when the documents cannot be split.
    """
    given = {"test": test_share, "eval": eval_share}
    if not all(0 <= share < math.inf for share in given.values()):
        raise UsageError("data.shares", eval=eval_share, test=test_share)
    wanted = {name: share for name, share in given.items() if share}
    documents = list(dict.fromkeys(passage.document for passage in pairs.passages))
    _possible(pairs.source, documents, wanted)
    place = {document: i for i, document in enumerate(documents)}
    groups = merge(range(len(documents)), _together(pairs, place))
    part_of = _dealt(pairs, groups, place, wanted, random.Random(seed))
    passages = tuple(replace(p, part=part_of[groups[place[p.document]]]) for p in pairs.passages)
    marked = replace(pairs, passages=passages)
    parts = {}
    for name in PARTS:
        if name == "train" or name in wanted:
            found = [q for q in pairs.queries if marked.passage(q.positives[0]).part == name]
            notes = pairs.notes + _notes(name, wanted.get(name, 1), len(found), len(pairs))
            parts[name] = replace(marked, queries=tuple(found), notes=notes)
    return parts


def _possible(source: str, documents: Sequence[str], wanted: Mapping[str, float]) -> None:
    """Raises UsageError or DataError for parts that these documents cannot have."""
    counted = sum(round(share) for share in wanted.values() if share >= 1)
    if sum(share for share in wanted.values() if share < 1) >= 1:
        raise UsageError("data.shares", eval=wanted.get("eval", 0), test=wanted.get("test", 0))
    if len(documents) == 1:
        raise DataError("data.pairs.one_document", source=source, document=documents[0])
    if counted >= len(documents):
        raise DataError(
            "data.pairs.few_documents", source=source, documents=len(documents), wanted=counted
        )


def _together(pairs: PairSet, place: Mapping[str, int]) -> Iterator[tuple[int, int]]:
    """Pairs of documents (places) that must not be torn apart."""
    of = [place[passage.document] for passage in pairs.passages]
    for i, j in near_pairs([normal(passage.text) for passage in pairs.passages]):
        yield of[i], of[j]
    asked: dict[str, int] = {}
    for query in pairs.queries:
        found = [place[document] for document in pairs.documents_of(query)]
        first = asked.setdefault(normal(query.text), found[0])
        yield from ((first, other) for other in found)


def _dealt(
    pairs: PairSet,
    groups: Sequence[int],
    place: Mapping[str, int],
    wanted: Mapping[str, float],
    dice: random.Random,
) -> dict[int, str]:
    """Part of each group: first those that are asked for, then those that nobody asks for."""
    asked = Counter(groups[place[pairs.documents_of(q)[0]]] for q in pairs.queries)
    sizes = Counter(groups)
    held = Counter(groups[place[passage.document]] for passage in pairs.passages)
    silent = {group: count for group, count in held.items() if group not in asked}
    if len(asked) <= len(wanted):
        raise DataError(
            "data.pairs.few_groups", source=pairs.source, groups=len(asked), documents=len(groups)
        )
    shares = {name: share for name, share in wanted.items() if share < 1}
    return _deal(asked, sizes, wanted, dice) | _deal(silent, sizes, shares, dice)


def _deal(
    counts: Mapping[int, int],
    documents: Mapping[int, int],
    wanted: Mapping[str, float],
    dice: random.Random,
) -> dict[int, str]:
    """Whole groups into each part until it has its share; what is left is trained.

    counts: what is shared out (queries, passages) by group; documents: how many a group has. One
    group is kept back for each part still to come, and for train.
    """
    order = sorted(counts)
    dice.shuffle(order)
    part_of = dict.fromkeys(order, "train")
    for done, (name, share) in enumerate(wanted.items()):
        kept_back = len(wanted) - done
        weight = counts if share < 1 else documents
        room = round(share * sum(counts.values())) if share < 1 else round(share)
        for group in order:
            free = sum(part == "train" for part in part_of.values())
            if part_of[group] == "train" and weight[group] <= room and free > kept_back:
                part_of[group] = name
                room -= weight[group]
        rest = [group for group in order if part_of[group] == "train"]
        if name not in part_of.values() and len(rest) > 1:  # a large one before none
            part_of[min(rest, key=lambda group: weight[group])] = name
    return part_of


def _notes(name: str, share: float, queries: int, total: int) -> tuple[str, ...]:
    """A word where whole documents made a part much smaller or larger than was asked for."""
    wanted = round(share * total)
    if share >= 1 or 0.7 * wanted <= queries <= 1.3 * wanted + 1:
        return ()
    return (say("data.pairs.note_size", part=name, queries=queries, wanted=wanted),)
