"""The styles in which a fact can be asked for: one small file each.

A style is a pure function from what is asked about to the texts that ask for it. What that is,
and what its texts mean, is told by its kind:

========  ====================  ==================================================================
kind      is called with        gives
========  ====================  ==================================================================
name      name, city            what people call it, best first
look      form                  the same form in other characters: width, blanks, traditional
slip      form                  everything that one slip of the fingers makes of the form
value     value                 ways to write the value
several   name, city            forms that may belong to several names; asked where they do
near      name, city, other,    names like this one, with something of another: the caller keeps
          other's city          those that are in no row
wrong     value                 values like this one; the caller keeps those that are in no row
========  ====================  ==================================================================

To add one, write a file here with a function decorated with ``style``.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from huohou.registry import Registry

Kind = Literal["name", "look", "slip", "value", "several", "near", "wrong"]
Texts = Callable[..., Iterable[str]]
USUAL = ("full", "everyday", "abbreviation")  # what slips are made of, and what is always known
DEFAULT = (*USUAL, "reverse")
UNKNOWN_KINDS = ("near", "wrong")  # what no row of the table answers


@dataclass(frozen=True, slots=True)
class Style:
    """A style: its name, its kind, its function, and a library that it cannot do without."""

    name: str
    kind: Kind
    texts: Texts
    needs: str | None = None

    @property
    def reverse(self) -> bool:
        """Whether it asks by the value."""
        return self.kind in ("value", "wrong")

    @property
    def missing(self) -> str | None:
        """The library it needs, where that is not installed."""
        return self.needs if self.needs and find_spec(self.needs) is None else None


styles: Registry[Style] = Registry("styles")


def style(name: str, kind: Kind, needs: str | None = None) -> Callable[[Texts], Texts]:
    """Decorator that registers a function as the style of that name."""

    def file(texts: Texts) -> Texts:
        styles.register(name)(Style(name, kind, texts, needs))
        return texts

    return file


def style_names() -> tuple[str, ...]:
    """Every style, those of DEFAULT first."""
    return (*DEFAULT, *(name for name, _ in styles if name not in DEFAULT))


def of_kind(*kinds: Kind, among: Iterable[str] | None = None) -> list[Style]:
    """The styles of some kinds that can be used here, in the order of ``style_names``."""
    found = (styles.get(name) for name in (style_names() if among is None else among))
    return [one for one in found if one.kind in kinds and not one.missing]


for _found in pkgutil.iter_modules(__path__):
    if not _found.name.startswith("_"):
        importlib.import_module(f"{__name__}.{_found.name}")
