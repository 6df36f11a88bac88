"""Traditional characters, as they are typed in Hong Kong, Macau and Taiwan."""

from collections.abc import Callable
from functools import lru_cache

from huohou.data.names import is_chinese
from huohou.data.styles import style


@style("traditional", "look", needs="opencc")
def traditional(form: str) -> list[str]:
    """The form in traditional characters, if it has any that differ."""
    if not is_chinese(form):
        return []
    text = _converter()(form)
    return [text] if text != form else []


@lru_cache(maxsize=1)
def _converter() -> Callable[[str], str]:
    from opencc import OpenCC

    convert: Callable[[str], str] = OpenCC("s2t").convert
    return convert
