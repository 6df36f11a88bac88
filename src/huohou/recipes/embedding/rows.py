"""What an update is made of: queries with their passages in tokens, each distinct text once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor

from huohou.data.pairs import PairSet, Query
from huohou.models.encoder import Encoder
from huohou.recipes.embedding.passes import Text

MOST_POSITIVES = 4  # passages of a query that an update trains: the best of those it has


@dataclass(frozen=True, slots=True)
class Row:
    """A query in tokens. trained: the positives that an update encodes, the best first; positives:
    all that are known; negatives: passages known not to answer it."""

    query: Text
    trained: tuple[Text, ...]
    positives: frozenset[Text]
    negatives: tuple[Text, ...] = ()


Group = tuple[Row, ...]


class Update(NamedTuple):
    """Rows as texts to encode and what belongs together.

    texts: each distinct one once; query [Q], docs [D]: places in texts; target [Q, D]: positives;
    ignore [Q, D]: passages with the very words of the query, which are no negatives.
    """

    texts: list[Text]
    query: Tensor
    docs: Tensor
    target: Tensor
    ignore: Tensor


def rows_of(pairs: PairSet, encoder: Encoder, negatives: int = 8) -> list[Row]:
    """Rows of all queries that have a positive, in their order; tokens are cut at max_length."""
    used = [query for query in pairs.queries if query.positives]
    named = {id for one in used for id in (*one.positives, *one.negatives[:negatives])}
    ids = [passage.id for passage in pairs.passages if passage.id in named]
    tokens = encoder.tokenize([pairs.passage(id).text for id in ids], "document")
    passages = dict(zip(ids, map(tuple, tokens), strict=True))
    queries = encoder.tokenize([query.text for query in used], "query")
    return [
        _row(query, tuple(text), passages, negatives)
        for query, text in zip(used, queries, strict=True)
    ]


def _row(query: Query, text: Text, passages: dict[str, Text], negatives: int) -> Row:
    gains = query.gains or (1.0,) * len(query.positives)
    best = sorted(range(len(gains)), key=lambda i: -gains[i])[:MOST_POSITIVES]
    positives = frozenset(passages[id] for id in query.positives)
    against = (passages[id] for id in query.negatives[:negatives])
    return Row(
        text,
        tuple(dict.fromkeys(passages[query.positives[i]] for i in best)),
        positives,
        tuple(dict.fromkeys(one for one in against if one not in positives)),
    )


def groups_of(rows: Sequence[Row], *, by_passage: bool) -> list[Group]:
    """What is dealt to updates together: single rows, or the rows of one passage."""
    if not by_passage:
        return [(row,) for row in rows]
    order = sorted(range(len(rows)), key=lambda i: rows[i].trained[0])
    return [
        tuple(rows[i] for i in places)
        for _, places in groupby(order, key=lambda i: rows[i].trained[0])
    ]


def update_of(rows: Sequence[Row]) -> Update:
    """The update of some rows: positives of all of them, then further negatives."""
    positives = dict.fromkeys(text for row in rows for text in row.trained)
    docs = [*positives, *dict.fromkeys(t for r in rows for t in r.negatives if t not in positives)]
    place = {text: i for i, text in enumerate(dict.fromkeys([*(r.query for r in rows), *docs]))}
    return Update(
        list(place),
        torch.tensor([place[row.query] for row in rows]),
        torch.tensor([place[text] for text in docs]),
        torch.tensor([[text in row.positives for text in docs] for row in rows]),
        torch.tensor([[text == row.query for text in docs] for row in rows]),
    )
