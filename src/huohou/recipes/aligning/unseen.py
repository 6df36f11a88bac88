"""Questions of an evaluation that training has seen: what they score says nothing of new ones."""

from huohou.data.normal import normal
from huohou.data.pairs import PairSet, Query
from huohou.errors import UsageError
from huohou.text import say

SHOWN = 3


def seen(train: PairSet, watched: PairSet) -> list[Query]:
    """Watched questions with the words of one trained on, or answered by a passage that answers
    one: each passage of a trained pair has been pulled towards its question."""
    asked = {normal(query.text) for query in train.queries}
    answers = {normal(train.passage(one).text) for q in train.queries for one in q.positives}
    return [
        query
        for query in watched.queries
        if normal(query.text) in asked
        or any(normal(watched.passage(one).text) in answers for one in query.positives)
    ]


def refuse_seen(train: PairSet, watched: PairSet, *, force: bool) -> int:
    """How many watched questions were trained on. Raises UsageError for any, unless forced."""
    found = seen(train, watched)
    if found and not force:
        first = "\n".join(f"  {watched.place(q)}: {q.text[:60]}" for q in found[:SHOWN])
        raise UsageError(
            "align.trained_on_eval", count=len(found), of=len(watched.queries), first=first
        )
    return len(found)


def mark(count: int) -> str:
    """What stands beside numbers of an evaluation that was forced."""
    return say("align.marked", count=count)
