"""The pairs of a plan, if they are still those that were planned with."""

from pathlib import Path

from huohou.data.pairs import PairSet, fingerprint_pairs, read_pairs
from huohou.errors import DataError
from huohou.plan import DataPart


def planned_pairs(part: DataPart, name: str) -> PairSet:
    """The pairs of the plan. Raises DataError when the file is not the planned one."""
    pairs = read_pairs(Path(part.path), name, part.format)
    if fingerprint_pairs(pairs) != part.fingerprint:
        raise DataError("sft.data_changed", path=part.path)
    return pairs
