"""What a question asks about: its words without those of asking, and how rare each is."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from huohou.probe.bm25 import words

# Words of grammar and of asking: they are in a question whatever it is about.
_GRAMMAR = """
a an the of in on at to for from by with as and or but nor not no is are was were be been being am
do does did doing done has have had having can could may might must shall should will would it its
this that these those there here he she they them his her their our we us you your i me my what
which who whom whose when where why how many much long often far old about into over under than then
so such only also any some all each if while during between among other another one ones kind type
name named called according tell please give say said mean means s
"""
_ENGLISH = frozenset(_GRAMMAR.split())
_ASKING = re.compile(
    "为什么|多少钱|怎么办|什么样|什么时候|什么|哪一年|哪一个|哪一|哪些|哪个|哪里|哪儿|哪位|哪种|哪|谁|多少|多久|多大|多长|多高"
    "|多远|几个|几|如何|怎么样|怎么|怎样|为何|何时|何地|何人|何种|是否|吗|呢|请问|请|告诉我|有没有"
    "|为什麼|什麼|哪個|哪裡|誰|怎麼|怎樣|何時|嗎|請問|請"
)
_PARTICLES = re.compile(
    "[的了是在有和与及或而也都就被把对于从到为以其这那个之地得着過过與對於從個這為]"
)
_DENSE = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")
_ENDINGS = (("ies", "y"), ("sses", "ss"), ("ing", ""), ("edly", ""), ("ed", ""), ("ly", ""))


def is_dense(text: str) -> bool:
    """Whether a text begins with a character of a script that puts no blanks between words."""
    return _DENSE.match(text) is not None


def terms(text: str) -> list[str]:
    """Words of content in a rough base form; Chinese as pairs of characters.

    >>> terms("How many points did the Panthers defense surrender?")
    ['point', 'panther', 'defens', 'surrender']
    >>> terms("黑豹队的防守丢了多少分？")
    ['黑豹', '豹队', '防守', '守丢', '分']
    """
    plain = _PARTICLES.sub(" ", _ASKING.sub(" ", text))
    return [base(word) for word in words(plain) if word not in _ENGLISH]


def letters(text: str) -> frozenset[str]:
    """Single Chinese characters of content: what is left in common where the same thing is said
    in other words of two characters.

    >>> sorted(letters("补卡要多少钱 now"))
    ['卡', '补', '要']
    """
    return frozenset(_DENSE.findall(_PARTICLES.sub("", _ASKING.sub(" ", text))))


def base(word: str) -> str:
    """A word without the endings of English grammar: rough, the same for question and passage."""
    if len(word) < 4 or _DENSE.match(word) or any(c.isdigit() for c in word):
        return word
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: len(word) - len(ending)] + instead
            break
    else:
        if word.endswith("s") and not word.endswith("ss"):
            word = word[:-1]
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


class Weights:
    """How much each word of a question counts: its inverse document frequency among the passages.

    A word that no passage has counts most. idf = ln(1 + (N - df + 0.5) / (df + 0.5)), as BM25's.
    """

    def __init__(self, passages: Iterable[Iterable[str]]) -> None:
        self._found: Counter[str] = Counter()
        self._count = 0
        for words_ in passages:
            self._found.update(set(words_))
            self._count += 1

    def of(self, question: Sequence[str]) -> Mapping[str, float]:
        """Weight of each different word."""
        return {word: self._idf(self._found[word]) for word in dict.fromkeys(question)}

    def unknown(self, question: Sequence[str]) -> float:
        """Part of the weight of a question that lies on words no passage has, 0..1."""
        weights = self.of(question)
        whole = sum(weights.values())
        return sum(w for word, w in weights.items() if not self._found[word]) / (whole or 1.0)

    def _idf(self, found: int) -> float:
        return math.log1p((self._count - found + 0.5) / (found + 0.5))


def covered(weights: Mapping[str, float], there: Iterable[str]) -> float:
    """Part of the weight of a question's words that a text has, 0..1; 0 for no words."""
    whole = sum(weights.values())
    held = there if isinstance(there, frozenset) else set(there)
    return sum(weight for word, weight in weights.items() if word in held) / whole if whole else 0.0
