"""What LLaMA-Factory calls BLEU-4 and ROUGE, for comparison with its ``predict_...`` numbers.

Over every row that has a reference, facts too, as it does.
"""

from collections.abc import Callable

from huohou.evaluate.items import Item
from huohou.evaluate.metrics import Measure, has_reference, metrics
from huohou.measure.text import llamafactory
from huohou.text import say

SCALE = 100  # its scores are 0..100, the value of an answer is a share
BLEU = "llamafactory.bleu4"
Cut = Callable[[], str]


def _bleu(item: Item) -> float:
    return llamafactory.bleu4(item.answer.text, item.row.answer) / SCALE


def _rouge(place: int) -> Callable[[Item], float]:
    return lambda item: llamafactory.rouges(item.answer.text, item.row.answer)[place] / SCALE


def _register(name: str, value: Callable[[Item], float], cut: Cut, needs: str, rank: int) -> None:
    metrics.register(name)(
        Measure(
            applies=has_reference,
            value=value,
            better="higher",
            unit="points",
            tokenisation=lambda _items: cut(),
            settings=lambda _items: say("metric.how.llamafactory"),
            requires=(needs,),
            by_style=False,
            rank=rank,
        )
    )


_register(BLEU, _bleu, lambda: say("metric.cut.all_characters"), "nltk", 90)
for _place, _kind in enumerate(("rouge1", "rouge2", "rougeL")):
    _words = lambda: say("metric.cut.jieba")  # noqa: E731
    _register(f"llamafactory.{_kind}", _rouge(_place), _words, "jieba", 91 + _place)
