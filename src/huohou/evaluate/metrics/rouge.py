"""ROUGE-1, -2 and -L as rouge-score gives them, Chinese by jieba (free text)."""

from collections.abc import Sequence

from huohou.evaluate.items import Item
from huohou.evaluate.metrics import Measure, is_text, metrics, texts
from huohou.measure.text.rouge import Rouge, rouge, tokenisations
from huohou.text import say


def _tokenisation(items: Sequence[Item]) -> str:
    return ", ".join(tokenisations(list(zip(*texts(items), strict=True))))


def _register(name: str, place: int, rank: int) -> None:
    def value(item: Item) -> float:
        found: Rouge = rouge(item.answer.text, item.row.answer)
        return found[place]

    metrics.register(name)(
        Measure(
            applies=is_text,
            value=value,
            better="higher",
            tokenisation=_tokenisation,
            settings=lambda _items: say("metric.how.rouge"),
            requires=("rouge_score", "jieba"),
            rank=rank,
        )
    )


for _place, _name in enumerate(("text.rouge1", "text.rouge2", "text.rougeL")):
    _register(_name, _place, 45 + _place)
