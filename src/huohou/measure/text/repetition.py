"""How much an answer repeats itself, in words (each Chinese character is a word of its own)."""

from collections.abc import Iterable
from itertools import pairwise

from huohou.measure.text.plain import words


def distinct(texts: Iterable[str], n: int) -> float:
    """Distinct-n: different n-grams / n-grams of all texts together; NaN without any.

    Falls as more texts are counted, so only sets of the same size compare.
    Source: Li et al. (2016), A Diversity-Promoting Objective Function for Neural Conversation
    Models, NAACL.

    >>> distinct(["to be or not to be"], 1)
    0.6666666666666666
    """
    grams = [gram for text in texts for gram in _grams(words(text), n)]
    return len(set(grams)) / len(grams) if grams else float("nan")


def repeated_span(text: str) -> float:
    """Longest run of words that is said twice or more, as a share of all words; may overlap.

    0 where no word returns, near 1 where an answer turns in a circle.

    >>> repeated_span("the code is 4025, the code is 4026"), repeated_span("no " * 10)
    (0.375, 0.9)
    """
    said = words(text)
    # Of sorted tails, those that begin with the longest same run stand side by side.
    tails = sorted(range(len(said)), key=lambda start: said[start:])
    longest = max((_same(said, first, second) for first, second in pairwise(tails)), default=0)
    return longest / len(said) if said else 0.0


def _same(said: list[str], first: int, second: int) -> int:
    length = 0
    while max(first, second) + length < len(said) and said[first + length] == said[second + length]:
        length += 1
    return length


def _grams(said: list[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(said[i : i + n]) for i in range(len(said) - n + 1)]
