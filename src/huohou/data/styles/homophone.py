"""Another character that is typed the same way: Chinese is mostly entered by its sound."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from huohou.data.names import is_chinese
from huohou.data.styles import style

# Told apart in Beijing and not by many others: initials and finals that are mixed up.
MIXED = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"), ("h", "f"), ("r", "l"))
NASAL = (("ang", "an"), ("eng", "en"), ("ing", "in"))


@style("homophone", "slip", needs="pypinyin")
def homophone(form: str) -> list[str]:
    """The form with one character replaced by one of the same syllable, whatever its tone."""
    return list(_replaced(form, lambda syllable: (syllable,)))


@style("accent", "slip", needs="pypinyin")
def accent(form: str) -> list[str]:
    """The form with one character replaced by one that sounds the same in some accents."""
    return list(_replaced(form, _accents))


def _replaced(form: str, sounds: Callable[[str], tuple[str, ...]]) -> Iterator[str]:
    if not is_chinese(form):
        return
    by_sound = characters()
    for i, (one, syllable) in enumerate(zip(form, _syllables(form), strict=True)):
        for sound in sounds(syllable) if is_chinese(one) else ():
            for other in by_sound.get(sound, ""):
                if other != one:
                    yield form[:i] + other + form[i + 1 :]


@lru_cache(maxsize=4096)
def _syllables(form: str) -> tuple[str, ...]:
    """One syllable a character, read as the words around it say (银行 is yin hang)."""
    from pypinyin import lazy_pinyin

    # A list is taken as one syllable for each of what it holds, which the types do not say.
    return tuple(lazy_pinyin(form, errors=list))  # type: ignore[arg-type]


@lru_cache(maxsize=1)
def characters() -> Mapping[str, str]:
    """Syllable to the common characters of that sound: the 3,755 of GB 2312, level 1."""
    from pypinyin import lazy_pinyin

    found: dict[str, str] = defaultdict(str)
    for row in range(0xB0, 0xD8):
        for cell in range(0xA1, 0xFF):
            one = bytes((row, cell)).decode("gb2312", "ignore")
            if one:
                found[lazy_pinyin(one)[0]] += one
    return dict(found)


@lru_cache(maxsize=1024)
def _accents(syllable: str) -> tuple[str, ...]:
    """Other syllables it may be taken for."""
    found = dict.fromkeys(
        other + syllable.removeprefix(one)
        for pair in MIXED
        for one, other in (pair, pair[::-1])
        if syllable.startswith(one) and not (len(one) == 1 and syllable[1:2] == "h")
    )
    found |= dict.fromkeys(
        syllable.removesuffix(one) + other
        for pair in NASAL
        for one, other in (pair, pair[::-1])
        if syllable.endswith(one) and not (one[-1] == "n" and syllable.endswith("ng"))
    )
    return tuple(found)
