"""Rows that say the same thing again weigh more than the others and are learnt by heart first."""

from collections import Counter

from huohou.data.checks import CheckInput, check
from huohou.data.checks._show import SHOWN, finding, more, share
from huohou.data.dataset import Dataset
from huohou.data.normal import asked, is_fact, last_line, normal, said, shorten
from huohou.data.similar import close, near_pairs
from huohou.record.finding import Evidence, Finding, Severity
from huohou.text import say

TOLERATED = 0.01  # part of the rows; less is mentioned, not warned of


@check("data-duplicates")
def data_duplicates(found: CheckInput) -> Finding | None:
    """Conversations that occur again, word for word or nearly (facts: word for word only)."""
    texts = [said(row) for row in found.train]
    counts = Counter(texts)
    again = len(texts) - len(counts)
    near = _near(found.train, texts)
    if not again and not near:
        return None
    severity: Severity = "warning" if again + len(near) > TOLERATED * len(texts) else "info"
    repeated = [text for text, count in counts.most_common() if count > 1]
    evidence = [_repeated(found.train, texts, text) for text in repeated[:SHOWN]]
    evidence += more(len(repeated))
    evidence += [
        Evidence(
            say(
                "check.data-duplicates.near",
                one=found.train.number(i),
                other=found.train.place(j),
                text=shorten(found.train.rows[j].question),
            )
        )
        for i, j in near[:SHOWN]
    ]
    evidence += more(len(near))
    part = share(again + len(near), len(texts))
    return finding(
        "data-duplicates",
        severity,
        evidence,
        reference="Lee et al. 2022, Deduplicating Training Data Makes Language Models Better",
        again=again,
        near=len(near),
        share=part,
    )


def _near(train: Dataset, texts: list[str]) -> list[tuple[int, int]]:
    plain = ["" if is_fact(row) else asked(row) for row in train]
    if not any(plain):
        return []
    asks, answers = [last_line(row) for row in train], [normal(row.answer) for row in train]

    def alike(i: int, j: int) -> bool:
        """Another question below the same passage, or another answer, is another row."""
        return close(asks[i], asks[j]) and close(answers[i], answers[j])

    pairs = near_pairs(plain, alike=alike)
    first = {j: i for i, j in pairs if texts[i] != texts[j] and alike(i, j)}
    return [(i, j) for j, i in sorted(first.items())]


def _repeated(train: Dataset, texts: list[str], text: str) -> Evidence:
    places = [i for i, one in enumerate(texts) if one == text]
    return Evidence(
        say(
            "check.data-duplicates.same",
            count=len(places),
            place=train.place(places[0]),
            text=shorten(train.rows[places[0]].question),
        )
    )
