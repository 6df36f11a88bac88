"""sha256 of what a retrieval run depends on."""

import json

from huohou.data.fingerprint import fingerprint
from huohou.data.pairs.pairset import PairSet, Span


def fingerprint_pairs(pairs: PairSet) -> str:
    """sha256 of passages and queries in their order, as 64 hex digits.

    Texts, entities, positives, negatives and gains count; ids, documents, file and format do not.
    """
    passages = [json.dumps([one.text, _spans(one.entities)]) for one in pairs.passages]
    queries = [
        json.dumps(
            [
                one.text,
                _spans(one.entities),
                [pairs.index[id] for id in one.positives],
                [pairs.index[id] for id in one.negatives],
                one.gains,
            ]
        )
        for one in pairs.queries
    ]
    return fingerprint("passages", *passages, "queries", *queries)


def _spans(entities: tuple[Span, ...]) -> list[tuple[int, int, str]]:
    return [(one.start, one.end, one.name) for one in entities]
