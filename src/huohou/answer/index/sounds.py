"""How characters sound and look, to tell a slip of the fingers from another name."""

from collections.abc import Mapping
from functools import cache

from huohou.data.styles.typo import NEAR

CHARACTERS = range(0x4E00, 0x9FFF + 1)
TONES = str.maketrans("āáǎàēéěèêếềīíǐìōóǒòūúǔùǖǘǚǜüńňǹḿ", "aaaaeeeeeeeiiiioooouuuuvvvvvnnnm")
# Told apart in Beijing and not by many others.
ACCENTS = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("l", "n"), ("r", "n"), ("f", "h"))


@cache
def readings() -> Mapping[str, tuple[str, ...]]:
    """Each common character to its syllables without tones; nothing where pypinyin is absent.

    >>> readings().get("行", ("xing", "hang"))[:2]
    ('xing', 'hang')
    """
    try:
        from pypinyin.constants import PINYIN_DICT
    except ImportError:
        return {}
    return {
        chr(code): tuple(dict.fromkeys(PINYIN_DICT[code].translate(TONES).split(",")))
        for code in CHARACTERS
        if code in PINYIN_DICT
    }


def accented(syllable: str) -> str:
    """The syllable as somebody says it who mixes up what sounds alike.

    >>> accented("zhang"), accented("lin")
    ('zan', 'nin')
    """
    for one, other in ACCENTS:
        if syllable.startswith(one):
            syllable = other + syllable[len(one) :]
            break
    return syllable[:-1] if syllable.endswith("ng") else syllable


def slip(one: str, other: str) -> str:
    """Why one character may stand for another: "sound", "accent", "shape", or nothing.

    >>> slip("未", "末"), slip("未", "北")
    ('shape', '')
    """
    mine, theirs = readings().get(one, ()), readings().get(other, ())
    if set(mine) & set(theirs):
        return "sound"
    if other in NEAR.get(one, ""):
        return "shape"
    if {accented(syllable) for syllable in mine} & {accented(syllable) for syllable in theirs}:
        return "accent"
    return ""
