"""What of a row is trained and what is masked, as text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from huohou.data.labels import LabelledRow


@dataclass(frozen=True, slots=True)
class Span:
    """Neighbouring tokens with one fate: their text, their number, whether they are trained."""

    text: str
    tokens: int
    trained: bool


def preview(row: LabelledRow, decode: Callable[[Sequence[int]], str]) -> list[Span]:
    """The row's tokens in order, joined while they are all trained or all masked."""
    spans = []
    pairs = zip(row.ids, row.labels, strict=True)
    for trained, group in groupby(pairs, key=lambda pair: pair[1]):
        ids = [token for token, _ in group]
        spans.append(Span(decode(ids), len(ids), trained))
    return spans
