"""Comparing two texts word by word. What counts as the same is stated at each function."""

import re
import unicodedata
from collections import Counter

_SPACE = re.compile(r"\s+")
_WORDS = re.compile(r"[^\W_]+", re.UNICODE)
# Numbers first, whole: 3.5, -5, 30% and 2026-11-22 are not the digits they are made of.
_MATCHED = re.compile(r"(?<!\w)[-+]?\d+(?:[.,:/-]\d+)*%?|[^\W_]+")
_IDEOGRAPH = re.compile(r"([\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])")


def normalise(text: str) -> str:
    """Unicode NFKC (full width to half width), white space to single spaces, none at the ends.

    >>> normalise("  ４０２５\\u3000 3551\\n")
    '4025 3551'
    """
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", text)).strip()


def exact_match(answer: str, reference: str) -> bool:
    """Whether both are the same text once normalised; case and punctuation count.

    >>> exact_match("ＡＢ  1 ", "AB 1"), exact_match("ab 1", "AB 1")
    (True, False)
    """
    return normalise(answer) == normalise(reference)


def normalised_match(answer: str, reference: str) -> bool:
    """Whether both have the same words in the same order; case and punctuation do not count.

    Not so in numbers: sign, decimal point and per cent are part of them. (SQuAD drops them, so that
    -5 would match 5; its articles are kept here.) Texts without a word match where they are equal.

    >>> normalised_match("The code is: 4025.", "the code is 4025"), normalised_match("-5", "5")
    (True, False)
    """
    ours, theirs = _matched(answer), _matched(reference)
    return ours == theirs if ours or theirs else exact_match(answer, reference)


def has_chinese(text: str) -> bool:
    """Whether there is a Chinese character in the text.

    >>> has_chinese("code 大"), has_chinese("code")
    (True, False)
    """
    return _IDEOGRAPH.search(text) is not None


def _matched(text: str) -> list[str]:
    return _MATCHED.findall(_IDEOGRAPH.sub(r" \1 ", normalise(text).casefold()))


def words(text: str) -> list[str]:
    """Words, lower case, without punctuation; each Chinese character is a word of its own.

    >>> words("Code: 4025, 大悟 Bank")
    ['code', '4025', '大', '悟', 'bank']
    """
    spaced = _IDEOGRAPH.sub(r" \1 ", normalise(text).casefold())
    return _WORDS.findall(spaced)


def token_f1(answer: str, reference: str) -> float:
    """Harmonic mean of precision and recall of the words, 0..1; two empty texts agree.

    Source: SQuAD (Rajpurkar et al. 2016), with Chinese by character as in CMRC 2018; articles
    are not dropped.

    >>> round(token_f1("the code is 4025", "4025"), 3)
    0.4
    """
    ours, theirs = Counter(words(answer)), Counter(words(reference))
    if not ours or not theirs:
        return float(ours == theirs)
    common = (ours & theirs).total()
    return 2 * common / (ours.total() + theirs.total())
