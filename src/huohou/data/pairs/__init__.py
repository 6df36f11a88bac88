"""Queries and the passages that answer them: what retrieval is trained and scored on.

Read from pairs in JSONL, JSON, CSV or Parquet, from BEIR folders and SQuAD-format files; split by
document; written as BEIR folders.
"""

from huohou.data.pairs.fingerprint import fingerprint_pairs
from huohou.data.pairs.pairset import PARTS, PairSet, Passage, Query, Span
from huohou.data.pairs.read import read_pairs
from huohou.data.pairs.split import split_pairs
from huohou.data.pairs.write import write_pairs

__all__ = [
    "PARTS",
    "PairSet",
    "Passage",
    "Query",
    "Span",
    "fingerprint_pairs",
    "read_pairs",
    "split_pairs",
    "write_pairs",
]
