"""What pairs look like: counts and lengths."""

from dataclasses import asdict
from typing import Any

from huohou.data.pairs.entities import coverage, with_entities
from huohou.data.pairs.fingerprint import fingerprint_pairs
from huohou.data.pairs.pairset import PairSet
from huohou.data.stats import spread
from huohou.errors import DataError


def describe_pairs(pairs: PairSet) -> dict[str, Any]:
    """Counts of a PairSet (never empty), ready for JSON.

    answering: passages that answer a query, the others are only in the way; positives, negatives:
    of a query; query, passage: characters; entities: how often both sides of a pair have one,
    those that the built-in finder finds included.
    """
    answering = {id for query in pairs.queries for id in query.positives}
    annotated = sum(bool(one.entities) for one in pairs.passages)
    annotated += sum(bool(one.entities) for one in pairs.queries)
    found = coverage(with_entities(pairs))
    return {
        "source": pairs.source,
        "format": pairs.format,
        "queries": len(pairs.queries),
        "passages": len(pairs.passages),
        "documents": len({passage.document for passage in pairs.passages}),
        "answering": len(answering),
        "repeated": pairs.repeated,
        "positives": asdict(spread([len(query.positives) for query in pairs.queries])),
        "negatives": asdict(spread([len(query.negatives) for query in pairs.queries])),
        "query": asdict(spread([len(query.text) for query in pairs.queries])),
        "passage": asdict(spread([len(passage.text) for passage in pairs.passages])),
        "entities": asdict(found) | {"annotated": annotated, "share": found.share},
        "fingerprint": fingerprint_pairs(pairs),
        "notes": list(pairs.notes),
    }


def need_candidates(pairs: PairSet, wanted: int) -> None:
    """DataError when a query cannot have that many candidates (its positive included)."""
    if wanted > len(pairs.passages):
        raise DataError(
            "data.pairs.few_candidates",
            source=pairs.source,
            wanted=wanted,
            found=len(pairs.passages),
        )


def need_entities(pairs: PairSet) -> None:
    """DataError when no query or no passage has an entity to score by."""
    found = coverage(pairs)
    if not found.queries_with or not found.passages_with:
        raise DataError("data.pairs.no_entities", source=pairs.source)
