"""Questions of eval that are trained on: the score then measures memory."""

from huohou.data.checks import CheckInput, check
from huohou.data.checks._show import SHOWN, finding, more, share
from huohou.data.dataset import Dataset
from huohou.data.normal import asked, is_fact, last_line, shorten
from huohou.data.similar import close, nearest
from huohou.record.finding import Evidence, Finding, Severity
from huohou.text import say

TOLERATED = 0.05  # part of the eval rows that may be known before the score is worthless


@check("data-overlap", "eval")
def data_overlap(found: CheckInput) -> Finding | None:
    """Eval questions that train has too, word for word or (facts excepted) nearly.

    A fact asked for in another wording is what the eval of facts is for, and does not count.
    """
    if found.eval is None:
        return None
    train = {asked(row): i for i, row in reversed(list(enumerate(found.train)))}
    texts = [asked(row) for row in found.eval]
    same = {i: train[text] for i, text in enumerate(texts) if text in train}
    plain = ["" if i in same or is_fact(row) else texts[i] for i, row in enumerate(found.eval)]
    near = _near(plain, train, found)
    if not same and not near:
        return None
    severity: Severity = "error" if len(same) > TOLERATED * len(texts) else "warning"
    evidence = _evidence("same", same, found.train, found.eval)
    evidence += _evidence("near", near, found.train, found.eval)
    return finding(
        "data-overlap",
        severity,
        evidence,
        reference="Lee et al. 2022, Deduplicating Training Data Makes Language Models Better",
        same=len(same),
        near=len(near),
        rows=len(texts),
        share=share(len(same) + len(near), len(texts)),
    )


def _near(texts: list[str], train: dict[str, int], found: CheckInput) -> dict[int, int]:
    """Eval row to a nearly equal row of train."""
    if found.eval is None or not any(texts):
        return {}
    asks = [last_line(row) for row in found.eval]
    places = list(train.values())
    trained = [last_line(found.train.rows[i]) for i in places]
    pairs = nearest(texts, list(train), alike=lambda i, j: close(asks[i], trained[j]))
    return {i: places[j] for i, j in pairs.items()}


def _evidence(kind: str, pairs: dict[int, int], train: Dataset, watched: Dataset) -> list[Evidence]:
    shown = [
        Evidence(
            say(
                f"check.data-overlap.{kind}",
                eval=watched.place(i),
                train=train.place(j),
                text=shorten(watched.rows[i].question),
            )
        )
        for i, j in list(pairs.items())[:SHOWN]
    ]
    return shown + more(len(pairs))
