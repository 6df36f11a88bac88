"""What LLaMA-Factory calls BLEU-4 and ROUGE, for comparison with its ``predict_...`` numbers.

Over every row that has a reference, facts too, as it does.
"""

from collections.abc import Callable

from huohou.evaluate.items import Item
from huohou.evaluate.metrics import Measure, has_reference, metrics
from huohou.measure.text import llamafactory

SCALE = 100  # its scores are 0..100, the value of an answer is a share
BLEU = "llamafactory.bleu4"


def _bleu(item: Item) -> float:
    return llamafactory.bleu4(item.answer.text, item.row.answer) / SCALE


def _rouge(place: int) -> Callable[[Item], float]:
    return lambda item: llamafactory.rouges(item.answer.text, item.row.answer)[place] / SCALE


def _register(name: str, value: Callable[[Item], float], cut: str, needs: str, rank: int) -> None:
    metrics.register(name)(
        Measure(
            applies=has_reference,
            value=value,
            better="higher",
            unit="points",
            tokenisation=lambda _items: cut,
            settings=lambda _items: "mean over rows; LLaMA-Factory 0.9, train/sft/metric.py",
            requires=(needs,),
            by_style=False,
            rank=rank,
        )
    )


_register(BLEU, _bleu, "characters, white space too", "nltk", 90)
for _place, _kind in enumerate(("rouge1", "rouge2", "rougeL")):
    _cut = "jieba, punctuation and white space too"
    _register(f"llamafactory.{_kind}", _rouge(_place), _cut, "jieba", 91 + _place)
