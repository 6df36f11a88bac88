"""chrF as sacrebleu gives it: character sequences shared with the reference (free text)."""

from huohou.evaluate.metrics import Corpus, Measure, is_text, metrics, texts
from huohou.measure.text import bleu
from huohou.text import say

metrics.register("text.chrf")(
    Measure(
        applies=is_text,
        corpus=Corpus(lambda items: bleu.chrf_statistics(*texts(items)), bleu.chrf_score),
        better="higher",
        unit="points",
        tokenisation=lambda _items: say("metric.cut.plain_characters"),
        settings=lambda _items: bleu.chrf_signature(),
        requires=("sacrebleu",),
        rank=44,
    )
)
