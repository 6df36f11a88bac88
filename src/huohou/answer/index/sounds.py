"""How characters sound and look, to tell a slip of the fingers from another name."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

import orjson

from huohou.data.styles.typo import NEAR

CHARACTERS = range(0x4E00, 0x9FFF + 1)
TONES = str.maketrans("āáǎàēéěèêếềīíǐìōóǒòūúǔùǖǘǚǜüńňǹḿ", "aaaaeeeeeeeiiiioooouuuuvvvvvnnnm")
NAME = "readings.json"
KEPT = 200_000  # pairs that are remembered
# Told apart in Beijing and not by many others.
ACCENTS = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("l", "n"), ("r", "n"), ("f", "h"))


Readings = Mapping[str, Sequence[str]]


def readings() -> Readings:
    """Each common character to its syllables without tones; nothing where pypinyin is absent.

    Slow to get and large in memory: an index keeps them in a file.

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


class Slips:
    """Why one character may stand for another."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._known: dict[tuple[str, str], str] = {}
        self._accents: dict[str, frozenset[str]] = {}

    def why(self, one: str, other: str) -> str:
        """ "sound", "shape", "accent", or nothing.

        >>> Slips({}).why("未", "末"), Slips({"兴": ("xing",), "星": ("xing",)}).why("兴", "星")
        ('shape', 'sound')
        """
        found = self._known.get((one, other))
        if found is None:
            found = self._find(one, other)
            if len(self._known) < KEPT:
                self._known[one, other] = found
        return found

    def alike(self, letters: Iterable[str]) -> Callable[[str], Sequence[str]]:
        """A function from a character to those of the letters that it may be a slip of."""
        by_sound: dict[str, list[str]] = defaultdict(list)
        for one in sorted(letters):
            for sound in self._accented(one):
                by_sound[sound].append(one)

        def others(one: str) -> Sequence[str]:
            sounds = self._accented(one)
            found = dict.fromkeys(
                [*NEAR.get(one, ""), *(o for s in sorted(sounds) for o in by_sound.get(s, ()))]
            )
            found.pop(one, None)
            return list(found)

        return others

    def _find(self, one: str, other: str) -> str:
        mine, theirs = self._readings.get(one, ()), self._readings.get(other, ())
        if set(mine) & set(theirs):
            return "sound"
        if other in NEAR.get(one, ""):
            return "shape"
        return "" if self._accented(one).isdisjoint(self._accented(other)) else "accent"

    def _accented(self, one: str) -> frozenset[str]:
        """Its syllables as somebody says them who mixes up what sounds alike."""
        found = self._accents.get(one)
        if found is None:
            found = self._accents[one] = frozenset(map(accented, self._readings.get(one, ())))
        return found


@cache
def _written() -> bytes:
    return orjson.dumps(readings())


def write_readings(folder: Path) -> None:
    """Beside the rows of an index, for ``read_slips``."""
    (folder / NAME).write_bytes(_written())


def read_slips(folder: Path) -> Slips:
    """With the readings that were written there."""
    return Slips(orjson.loads((folder / NAME).read_bytes()))
