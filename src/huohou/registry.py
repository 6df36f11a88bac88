"""Names to objects of one kind: formats, readers, rules, recipes, checks.

Built-ins register on import; other packages through the entry-point group ``huohou.KIND``.
``HUOHOU_LOAD_PLUGINS=""`` leaves other packages out (for tests and bug reports).
"""

import os
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from huohou.errors import UsageError
from huohou.text import nearest

T = TypeVar("T")


class Registry(Generic[T]):
    """Leaves of one kind by name.

    >>> greeters: Registry[Callable[[str], str]] = Registry("greeters")
    >>> _ = greeters.register("hi")(lambda who: f"hi {who}")
    >>> greeters.get("hi")("you")
    'hi you'
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._items: dict[str, T] = {}
        self._plugins_loaded = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that files its argument under a name; ValueError when the name is taken."""

        def file(item: T) -> T:
            if name in self._items:
                raise ValueError(f"{self.kind}: {name!r} is registered twice")
            self._items[name] = item
            return item

        return file

    def get(self, name: str) -> T:
        """The leaf of that name; UsageError names the nearest and all there are."""
        self._load_plugins()
        if name not in self._items:
            raise UsageError(
                "registry.unknown",
                kind=self.kind,
                name=name,
                hint=nearest(name, self._items),
                known=", ".join(sorted(self._items)) or "-",
            )
        return self._items[name]

    def __iter__(self) -> Iterator[tuple[str, T]]:
        """Pairs of name and leaf, sorted by name so that documents are stable."""
        self._load_plugins()
        return iter(sorted(self._items.items()))

    def __contains__(self, name: object) -> bool:
        self._load_plugins()
        return name in self._items

    def _load_plugins(self) -> None:
        if self._plugins_loaded or os.environ.get("HUOHOU_LOAD_PLUGINS") == "":
            return
        self._plugins_loaded = True
        for point in entry_points(group=f"huohou.{self.kind}"):
            point.load()  # importing it registers it
