"""What a scorecard of searches means, in sentences that do not flatter."""

from collections.abc import Iterator, Mapping

from huohou.evaluate.card import Comparison, Scorecard
from huohou.evaluate.retrieval.numbers import BASE, BM25, MAIN, OWN, name_of
from huohou.evaluate.words import share
from huohou.measure.paired import power_sentence
from huohou.record.finding import Advice, Evidence, Finding
from huohou.text import say

EASY = 0.99  # a table of few candidates that is nearly full tells nothing of a search


def words(card: Scorecard) -> Iterator[str]:
    """Sentences, the most important first."""
    if card.questions["on"] == "eval":
        yield say("eval.search.on_eval")
    if card.settings["kept_stage_one"]:
        yield say("eval.search.kept_stage_one")
    for one in card.comparisons:
        yield said(one)
    yield from _candidates(card)
    yield power_sentence(int(card.questions["asked"]))
    yield say(
        "eval.search.grouped",
        documents=card.questions["documents"],
        passages=card.questions["passages"],
    )


def said(one: Comparison) -> str:
    """A comparison in a sentence."""
    told = say(
        f"eval.search.{one.verdict}",
        first=name_of(one.first),
        second=name_of(one.second),
        metric="nDCG@10",
        difference=number(one.difference),
        low=number(one.low),
        high=number(one.high),
        p=probability(one.p),
        up=one.hits["only_first"],
        down=one.hits["only_second"],
        hits_p=probability(float(one.hits["p"])),
    )
    return told[:1].upper() + told[1:]


def number(value: float | None) -> str:
    """A difference with its sign.

    >>> number(0.0512), number(None)
    ('+0.051', '-')
    """
    return "-" if value is None else f"{value:+.3f}"


def probability(p: float) -> str:
    """A p as people read it.

    >>> probability(0.0331), probability(1e-9)
    ('0.033', '<0.001')
    """
    return "<0.001" if p < 0.001 else f"{p:.2g}"


def _candidates(card: Scorecard) -> Iterator[str]:
    top = card.metric("candidates.top@1")
    main = card.metric(f"{OWN}.{MAIN}")
    if top is None or main is None or top.chance is None:
        return
    if top.value >= EASY > main.value:
        yield say("eval.search.easy", top=share(top.value), ndcg=f"{main.value:.3f}")


def findings(
    card: Scorecard, below: Mapping[str, tuple[int, float, float, float]], trained: int
) -> Iterator[Finding]:
    """What is wrong with the score itself.

    below: system to k, share, chance and p of a table of few candidates below chance; trained:
    questions that were trained on.
    """
    if trained:
        count = {"count": trained, "of": card.questions["asked"]}
        yield _finding("trained-on-eval", "trained", [say("eval.found.trained.seen", **count)])
    for system, (k, value, chance, p) in below.items():
        if system not in (BASE, BM25):
            told = {"k": k, "value": share(value), "chance": share(chance), "p": probability(p)}
            evidence = say("eval.found.below.row", system=name_of(system), **told)
            yield _finding("below-chance", "below", [evidence])


def _finding(code: str, key: str, evidence: list[str]) -> Finding:
    return Finding(
        code=code,
        severity="error",
        tier="probe",
        title=say(f"eval.found.{key}.title"),
        why=say(f"eval.found.{key}.why"),
        evidence=tuple(Evidence(text) for text in evidence),
        advice=(Advice(say(f"eval.found.{key}.advice")),),
        reference=say(f"eval.found.{key}.reference"),
    )
