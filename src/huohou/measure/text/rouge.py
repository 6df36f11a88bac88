"""ROUGE-1, -2 and -L as rouge-score computes them; Chinese is cut into words by jieba.

rouge-score's own tokenizer keeps a-z and 0-9: of a Chinese text nothing is left, and two texts of
which nothing is left score 0. So only what it was made for is given to it.

Source: Lin (2004), ROUGE: A Package for Automatic Evaluation of Summaries; rouge-score 0.1.2.
"""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any, Literal, NamedTuple

from huohou.measure.text.plain import has_chinese, words

Tokenisation = Literal["rouge-score", "jieba", "words"]


class Rouge(NamedTuple):
    """F-measures, 0..1."""

    one: float
    two: float
    longest: float


def tokenisation_for(answer: str, reference: str) -> Tokenisation:
    """How two texts are cut: by jieba, by rouge-score itself, or by Unicode words (Russian...).

    >>> tokenisation_for("a", "大悟"), tokenisation_for("naïve", "a"), tokenisation_for("да", "нет")
    ('jieba', 'rouge-score', 'words')
    """
    if has_chinese(answer) or has_chinese(reference):
        return "jieba"
    letters = [c for c in answer + reference if c.isalpha()]
    ours = sum(c.isascii() for c in letters)
    return "rouge-score" if 2 * ours >= len(letters) else "words"


@lru_cache(maxsize=4096)  # three metrics ask for the same pairs
def rouge(answer: str, reference: str) -> Rouge:
    """ROUGE of one answer, without stemming.

    >>> rouge("the code is 4025", "the code was 4025").longest
    0.75
    """
    found = _scorer(tokenisation_for(answer, reference)).score(reference, answer)
    return Rouge(*(float(found[kind].fmeasure) for kind in ("rouge1", "rouge2", "rougeL")))


def tokenisations(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """The ways in which these pairs of answer and reference are cut, the most frequent first."""
    ways: list[str] = [tokenisation_for(*pair) for pair in pairs]
    return sorted(set(ways), key=lambda way: (-ways.count(way), way))


@cache
def cutter() -> Callable[[str], list[str]]:
    """jieba's ``lcut`` with its own dictionary.

    The dictionary is read anew in each process (under a second): jieba would else keep what it read
    in the machine's folder for temporary files, where anybody may put another.
    """
    import jieba

    own = jieba.Tokenizer()
    own.FREQ, own.total = own.gen_pfdict(own.get_dict_file())
    own.initialized = True
    cut: Callable[[str], list[str]] = own.lcut
    return cut


class _Jieba:
    """What rouge-score asks of a tokenizer. Case and punctuation do not count, as in its own."""

    def tokenize(self, text: str) -> list[str]:
        """Words of the text."""
        return [word for word in cutter()(text.lower()) if any(c.isalnum() for c in word)]


class _Words:
    def tokenize(self, text: str) -> list[str]:
        """Unicode words of the text."""
        return words(text)


@cache
def _scorer(tokenisation: Tokenisation) -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    own = {"jieba": _Jieba(), "words": _Words(), "rouge-score": None}[tokenisation]
    return RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False, tokenizer=own)
