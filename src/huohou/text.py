"""Every sentence a person reads, by key, in English and Chinese.

The sentences live in ``locale/en.json`` and ``locale/zh.json``: flat keys, ``{name}`` slots as in
``str.format``. A test holds that both files have the same keys and the same slots.
"""

import json
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

LANGUAGES = ("en", "zh")
LITTLE, MUCH, NEARLY = 0.01, 0.99, 0.999  # from where on whole percents say too much
_chosen: ContextVar[str | None] = ContextVar("huohou_language", default=None)


def use(language: str | None) -> None:
    """Choose the language for this context; None goes back to the environment's."""
    if language is not None and language not in LANGUAGES:
        raise ValueError(f"language {language!r} is not one of {', '.join(LANGUAGES)}")
    _chosen.set(language)


@contextmanager
def speaking(language: str | None) -> Iterator[None]:
    """Within it that language is chosen for this context; after it what was chosen before."""
    before = _chosen.get()
    use(language)
    try:
        yield
    finally:
        _chosen.set(before)


def language() -> str:
    """The language in force: chosen, else HUOHOU_LANG, LC_ALL, LC_MESSAGES, LANG, else English."""
    chosen = _chosen.get()
    if chosen:
        return chosen
    for name in ("HUOHOU_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name)
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def say(key: str, /, **fields: object) -> str:
    """The sentence of that key in the language in force, with its slots filled.

    Raises KeyError for a key that is in no locale file: that is a bug of ours.
    """
    return sentences(language())[key].format(**fields)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint at the name that was meant, to stand before a sentence; empty when none is near."""
    near = get_close_matches(name, list(known), n=1)
    return say("cli.did_you_mean", near=near[0]) if near else ""


@cache
def sentences(code: str) -> dict[str, str]:
    """All sentences of one language, key to sentence."""
    raw = files("huohou").joinpath("locale", f"{code}.json").read_text(encoding="utf-8")
    loaded: dict[str, str] = json.loads(raw)
    return loaded


def percent(sure: float) -> str:
    """A confidence as people read it: nothing that was estimated is shown as certain.

    >>> [percent(one) for one in (0.0, 0.004, 0.5, 0.9949, 0.9989, 0.9995, 1.0)]
    ['0%', '< 1%', '50%', '99.4%', '99.8%', '> 99.9%', '100%']
    """
    if 0 < sure < LITTLE:
        return f"< {LITTLE:.0%}"
    if NEARLY < sure < 1:
        return f"> {NEARLY:.1%}"
    if MUCH <= sure < 1:
        return f"{math.floor(1000 * sure) / 1000:.1%}"  # never rounded up
    return f"{sure:.0%}"
