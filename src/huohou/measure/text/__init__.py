"""Scores of texts: comparing them, counting in them, finding codes in them.

BLEU, chrF and ROUGE are sacrebleu's and rouge-score's own; what LLaMA-Factory calls BLEU-4 and
ROUGE is another thing under the same name and has a module to itself. Libraries are imported when
a score is asked for.
"""

from huohou.measure.text.codes import MAX_SHAPES, Pattern, pattern_of
from huohou.measure.text.plain import (
    exact_match,
    has_chinese,
    normalise,
    normalised_match,
    token_f1,
    words,
)

__all__ = [
    "MAX_SHAPES",
    "Pattern",
    "exact_match",
    "has_chinese",
    "normalise",
    "normalised_match",
    "pattern_of",
    "token_f1",
    "words",
]
