"""What the columns of a row mean: one file a format.

A format says which rows it fits and turns one row into a conversation. To add one, write a file
here that registers a ``Format``, or register it from another package through the entry-point group
``huohou.formats``.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from huohou.data.dataset import Message
from huohou.registry import Registry


@dataclass(frozen=True, slots=True)
class Format:
    """One format of rows.

    fits: whether a row has this format's columns; read: the conversation of a row (``where`` is
    its place for messages; a DataError says what is wrong with it); uses: the columns it reads,
    all others go to ``Row.meta``; example: one row of it as JSON.
    """

    fits: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Mapping[str, Any], str], tuple[Message, ...]]
    uses: frozenset[str]
    example: str


formats: Registry[Format] = Registry("formats")

for _found in pkgutil.iter_modules(__path__):
    if not _found.name.startswith("_"):
        importlib.import_module(f"{__name__}.{_found.name}")
