"""What an engine's scorecard means, in sentences that do not flatter."""

from collections.abc import Iterator, Sequence

from huohou.evaluate.answers.told import Answered
from huohou.evaluate.card import Metric, Scorecard
from huohou.evaluate.words import APART, FAR, share
from huohou.measure.facts import Outcome
from huohou.measure.recalibration import upper_bound
from huohou.text import say

POOR = 0.05  # calibration error from which confidences mislead
RANKED = 0.8  # AUROC below which they hardly tell right from wrong


def words(card: Scorecard, found: Sequence[Answered]) -> Iterator[str]:
    """Sentences about a scorecard, the most important first."""
    yield from _accuracy(card)
    yield from _invented(found)
    for about in (_wrong, _unknown, _back):
        yield from about(card, found)
    yield from _styles(card)
    yield from _confidence(card)
    yield from _few(card)


def _accuracy(card: Scorecard) -> Iterator[str]:
    metric = card.metric("facts.accuracy")
    if metric is not None:
        yield say("eval.words.accuracy", right=round(metric.value * metric.n), **_about(metric))


def _about(metric: Metric) -> dict[str, object]:
    low = metric.value if metric.low is None else metric.low
    high = metric.value if metric.high is None else metric.high
    return {
        "n": metric.n,
        "groups": metric.groups,
        "value": share(metric.value),
        "low": share(low),
        "high": share(high),
    }


def _invented(found: Sequence[Answered]) -> Iterator[str]:
    made_up = _with(found, Outcome.INVENTED)
    if made_up:
        example = made_up[0]
        judgement = example.item.judgement
        yield say(
            "eval.words.invented",
            count=len(made_up),
            n=len(found),
            value=judgement.invented[0] if judgement else "",
            question=example.item.row.question,
        )
    else:
        yield say("eval.words.none_invented", n=len(found), high=share(upper_bound(0, len(found))))


def _wrong(_card: Scorecard, found: Sequence[Answered]) -> Iterator[str]:
    wrong = _with(found, Outcome.WRONG_REAL)
    if wrong:
        example = wrong[0]
        instead = example.item.judgement.instead[0] if example.item.judgement else ""
        yield say(
            "eval.words.engine_wrong",
            wrong=len(wrong),
            n=len(found),
            question=example.item.row.question,
            instead=instead,
            expect=example.item.expect or say("eval.words.nothing"),
        )


def _unknown(card: Scorecard, _found: Sequence[Answered]) -> Iterator[str]:
    metric = card.metric("facts.abstention")
    if metric is not None:
        said = round(metric.value * metric.n)
        yield say("eval.words.engine_unknown", n=metric.n, said=said, rest=metric.n - said)


def _back(card: Scorecard, found: Sequence[Answered]) -> Iterator[str]:
    unsure, back = (len(_with(found, one)) for one in (Outcome.UNSURE, Outcome.ASKED_BACK))
    refused = card.metric("facts.false_abstention")
    count = round(refused.value * refused.n) if refused is not None else 0
    if unsure + back + count:
        yield say("eval.words.engine_back", unsure=unsure, back=back, refused=count)


def _styles(card: Scorecard) -> Iterator[str]:
    styled = [m for m in card.metrics if m.name.startswith("facts.accuracy.")]
    if len(styled) < 2:
        return
    ranked = sorted(styled, key=lambda metric: metric.value)
    worst, best = ranked[0], ranked[-1]
    if best.value - worst.value > APART:
        yield say(
            "eval.words.styles",
            worst=worst.name.rpartition(".")[2],
            worst_value=share(worst.value),
            best=best.name.rpartition(".")[2],
            best_value=share(best.value),
        )


def _confidence(card: Scorecard) -> Iterator[str]:
    error, ranked = card.metric("confidence.ece"), card.metric("confidence.auroc")
    if error is None:
        return
    key = "eval.words.calibrated" if error.value <= POOR else "eval.words.miscalibrated"
    yield say(key, error=f"{error.value:.3f}", n=error.n)
    if ranked is not None and ranked.value < RANKED:
        yield say("eval.words.unranked", value=f"{ranked.value:.2f}")


def _few(card: Scorecard) -> Iterator[str]:
    metric = card.metric("facts.accuracy")
    if metric is None or metric.low is None or metric.high is None:
        return
    reach = max(metric.value - metric.low, metric.high - metric.value)
    if reach > FAR:
        yield say("eval.words.few", n=metric.n, groups=metric.groups, reach=f"{reach * 100:.0f}")


def _with(found: Sequence[Answered], outcome: Outcome) -> list[Answered]:
    return [one for one in found if one.item.judgement and one.item.judgement.outcome is outcome]
