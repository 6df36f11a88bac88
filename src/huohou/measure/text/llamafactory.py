"""BLEU-4 and ROUGE as LLaMA-Factory reports them, so that its users can compare.

They are not what the same names mean elsewhere. BLEU-4 is a mean over rows of nltk's sentence BLEU
over *characters*, smoothed by its method 3: an answer that differs in one character keeps nearly
all of its score, whatever that character changes. ROUGE is the Python package rouge_chinese over
jieba's words, punctuation and white space included, where a word counts once however often it is
said. Both are 0..100, each row rounded to four digits.

Source: LLaMA-Factory 0.9, src/llamafactory/train/sft/metric.py (ComputeSimilarity); rouge_chinese
1.0.3; nltk.translate.bleu_score; Chen & Cherry (2014) for the smoothing.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from huohou.measure.text.rouge import cutter

TINY = 1e-8  # of rouge_chinese, so that nothing is divided by 0
SENTENCE_ENDS = (r"([。！？?])([^”’])", r"(\.{6})([^”’])", r"(…{2})([^”’])")


class Rouges(NamedTuple):
    """F-measures, 0..100."""

    one: float
    two: float
    longest: float


def bleu4(answer: str, reference: str) -> float:
    """LLaMA-Factory's BLEU-4 of one answer, 0..100.

    >>> bleu4("退款期限为签收后30天", "退款期限为签收后30天")
    100.0
    """
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

    smoothing = SmoothingFunction().method3
    found = sentence_bleu([list(reference)], list(answer), smoothing_function=smoothing)
    return round(float(found) * 100, 4)


@lru_cache(maxsize=4096)  # three metrics ask for the same pairs
def rouges(answer: str, reference: str) -> Rouges:
    """LLaMA-Factory's ROUGE-1, -2 and -L of one answer, 0..100.

    >>> rouges("", "大悟支行")
    Rouges(one=0.0, two=0.0, longest=0.0)
    """
    ours, theirs = (" ".join(cutter()(text)) for text in (answer, reference))
    if not ours.split() or not theirs.split():
        return Rouges(0.0, 0.0, 0.0)
    made, wanted = _tokens(ours), _tokens(theirs)
    grams = [(_grams(made, n), _grams(wanted, n)) for n in (1, 2)]
    one, two = (_f(len(a & b), len(a), len(b)) for a, b in grams)
    return Rouges(one, two, _f(_longest(made, wanted), len(made), len(wanted)))


def _tokens(text: str) -> list[str]:
    """Words of a text cut at its sentence ends: a line of white space leaves an empty word."""
    for end in SENTENCE_ENDS:
        text = re.sub(end, r"\1\n\2", text)
    lines = [" ".join(line.split()) for line in text.rstrip().split("\n") if line]
    return [word for line in lines for word in line.split(" ")]


def _grams(tokens: list[str], n: int) -> set[tuple[str, ...]]:
    return {tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)}


def _longest(ours: list[str], theirs: list[str]) -> int:
    """Length of the longest common subsequence."""
    from rapidfuzz.distance import LCSseq

    return int(LCSseq.similarity(ours, theirs))


def _f(both: int, made: int, wanted: int) -> float:
    precision, recall = both / made if made else 0.0, both / wanted if wanted else 0.0
    return round(2 * precision * recall / (precision + recall + TINY) * 100, 4)
