"""Corpus BLEU as sacrebleu gives it: word sequences shared with the reference (free text)."""

from collections.abc import Sequence

from huohou.evaluate.items import Item
from huohou.evaluate.metrics import Corpus, Measure, is_text, metrics, texts
from huohou.measure.corpus import Floats
from huohou.measure.text import bleu


def _tokenizer(items: Sequence[Item]) -> str:
    return bleu.tokenizer_for([item.row.answer for item in items])


def _statistics(items: Sequence[Item]) -> Floats:
    return bleu.bleu_statistics(*texts(items), _tokenizer(items))


metrics.register("text.bleu")(
    Measure(
        applies=is_text,
        corpus=Corpus(_statistics, bleu.bleu_score),
        better="higher",
        unit="points",
        tokenisation=lambda items: f"sacrebleu {_tokenizer(items)}",
        settings=lambda items: bleu.bleu_signature(_tokenizer(items)),
        requires=("sacrebleu",),
        rank=43,
    )
)
