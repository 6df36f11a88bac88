"""A table of facts as an index on disk: by name, by short form, by spelling, by code."""

from huohou.answer.index.index import Changes, FactIndex
from huohou.answer.index.opening import open_index

__all__ = ["Changes", "FactIndex", "open_index"]
