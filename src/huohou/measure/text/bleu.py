"""BLEU and chrF as sacrebleu computes them, from counts that can be added up over answers.

Source: Post (2018), A Call for Clarity in Reporting BLEU Scores, WMT; Popović (2015), chrF:
character n-gram F-score for automatic MT evaluation, WMT.
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from huohou.measure.text.plain import has_chinese

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU

Floats = NDArray[np.float64]

CHINESE_SHARE = 0.01  # of the references, from which on Chinese is split by character
ORDERS, CHARACTERS, BETA = 4, 6, 2  # sacrebleu's own: words of BLEU, characters and beta of chrF


def tokenizer_for(references: Sequence[str]) -> str:
    """sacrebleu's tokenizer for these references: ``zh`` where some are Chinese, else ``13a``.

    13a takes a Chinese sentence for one word, so that BLEU would be 0 or 100.

    >>> tokenizer_for(["大悟支行", "a branch"]), tokenizer_for(["a branch"])
    ('zh', '13a')
    """
    chinese = sum(map(has_chinese, references))
    return "zh" if references and chinese >= CHINESE_SHARE * len(references) else "13a"


def bleu_statistics(answers: Sequence[str], references: Sequence[str], tokenizer: str) -> Floats:
    """Shape (n, 10): n-grams of 1 to 4 words that are right, that there are, and both lengths."""
    scorer = _bleu(tokenizer, effective=True)  # only its counts are used, which are the same
    found = [
        scorer.sentence_score(answer, [reference])
        for answer, reference in zip(answers, references, strict=True)
    ]
    rows = [[*one.counts, *one.totals, one.sys_len, one.ref_len] for one in found]
    return np.array(rows, dtype=float).reshape(len(rows), 2 * ORDERS + 2)


def bleu_score(sums: Floats) -> Floats:
    """BLEU of added-up statistics, 0..100, by sacrebleu's own formula and defaults."""
    from sacrebleu.metrics.bleu import BLEU

    def one(row: Floats) -> float:
        whole = [int(count) for count in row]
        right, made, (ours, theirs) = whole[:ORDERS], whole[ORDERS:-2], whole[-2:]
        return float(BLEU.compute_bleu(right, made, ours, theirs, smooth_method="exp").score)

    return np.array([one(row) for row in sums])


def bleu_signature(tokenizer: str) -> str:
    """What sacrebleu asks to be printed beside a BLEU score."""
    scorer = _bleu(tokenizer, effective=False)
    scorer.corpus_score(["a"], [["a"]])  # the number of references is known after a score
    return str(scorer.get_signature())


def chrf_statistics(answers: Sequence[str], references: Sequence[str]) -> Floats:
    """Shape (n, 18): for 1 to 6 characters, n-grams of the answer, of the reference, of both."""
    rows = [
        [count for order in range(1, CHARACTERS + 1) for count in _chrf(answer, reference, order)]
        for answer, reference in zip(answers, references, strict=True)
    ]
    return np.array(rows, dtype=float).reshape(len(rows), 3 * CHARACTERS)


def chrf_score(sums: Floats) -> Floats:
    """chrF2 of added-up statistics, 0..100: orders that both sides have, white space left out."""
    made, there, both = (sums[:, start::3] for start in range(3))
    counted = (made > 0) & (there > 0)
    orders = np.maximum(counted.sum(axis=1), 1)
    precision = np.divide(both, made, out=np.zeros_like(both), where=counted).sum(axis=1) / orders
    recall = np.divide(both, there, out=np.zeros_like(both), where=counted).sum(axis=1) / orders
    weighed = BETA**2 * precision + recall
    product = (1 + BETA**2) * precision * recall
    found: Floats = 100 * np.divide(product, weighed, out=np.zeros_like(product), where=weighed > 0)
    return found


def chrf_signature() -> str:
    """What sacrebleu asks to be printed beside a chrF score."""
    from sacrebleu.metrics.chrf import CHRF

    scorer = CHRF(char_order=CHARACTERS, beta=BETA)
    scorer.corpus_score(["a"], [["a"]])
    return str(scorer.get_signature())


def _chrf(answer: str, reference: str, order: int) -> tuple[int, int, int]:
    ours, theirs = _ngrams(answer, order), _ngrams(reference, order)
    # as in sacrebleu, an order the reference is too short for does not count
    return ours.total() if theirs else 0, theirs.total(), (ours & theirs).total()


def _ngrams(text: str, order: int) -> Counter[str]:
    joined = "".join(text.split())
    return Counter(joined[i : i + order] for i in range(len(joined) - order + 1))


@lru_cache(maxsize=4)
def _bleu(tokenizer: str, *, effective: bool) -> "BLEU":
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(tokenize=tokenizer, effective_order=effective)
