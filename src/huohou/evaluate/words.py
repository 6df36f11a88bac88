"""What a scorecard means, in sentences that do not flatter."""

from collections.abc import Iterator, Sequence

from huohou.evaluate.card import Metric, Scorecard
from huohou.evaluate.compute import absent
from huohou.evaluate.items import Item
from huohou.measure.facts import Outcome
from huohou.text import say

FAR = 0.10  # an interval that reaches further than this says little
APART = 0.15  # styles that differ by more are told apart
HIDDEN = 0.10  # digits this much better than answers: the loss hides what is wrong
PLEASING = 0.20  # LLaMA-Factory's BLEU-4 this far above the share of right answers
STOPS = 0.9  # fewer answers that end by themselves are worth a word


def share(value: float) -> str:
    """A share as people read it, never rounded to all or nothing.

    >>> share(0.333), share(0.9996), share(1.0), share(0.0001), share(0.0)
    ('33%', '>99.9%', '100%', '<0.1%', '0%')
    """
    if value in (0.0, 1.0) or 0.01 <= abs(value) <= 0.99:
        return f"{value:.0%}"
    fine = f"{value:.1%}"
    return {"0.0%": "<0.1%", "100.0%": ">99.9%"}.get(fine, fine)


def words(card: Scorecard, items: Sequence[Item]) -> Iterator[str]:
    """Sentences about a scorecard, the most important first. items: the tuned model's answers."""
    for about in (_questions, _accuracy, _base, _precision, _styles, _wrong, _unknown, _hidden):
        yield from about(card, items)
    yield from _text(card)
    yield from _bleu4(card)
    yield from _memory(card)
    yield from _stops(card)
    for module, names in absent(items).items():
        yield say("eval.words.not_installed", module=module, metrics=", ".join(names))


def _questions(card: Scorecard, _items: Sequence[Item]) -> Iterator[str]:
    on = str(card.questions["on"])
    if on in ("train", "eval"):
        yield say(f"eval.words.on_{on}")


def _accuracy(card: Scorecard, _items: Sequence[Item]) -> Iterator[str]:
    found = card.metric("facts.accuracy")
    if found is None:
        return
    yield say(
        "eval.words.accuracy",
        right=round(found.value * found.n),
        groups=found.groups,
        **_numbers(found),
    )
    if found.chance is not None and found.low is not None and found.low <= found.chance:
        yield say("eval.words.no_better_than_chance", chance=share(found.chance))


def _base(card: Scorecard, _items: Sequence[Item]) -> Iterator[str]:
    found = card.metric("facts.accuracy") or card.metric("text.exact")
    if found is None or found.difference is None or found.baseline is None:
        return
    apart, low, high = found.difference
    if low is None or high is None:
        return
    which = "same" if low <= 0 <= high else "better" if apart > 0 else "worse"
    yield say(
        f"eval.words.{which}",
        base=share(found.baseline),
        difference=f"{abs(apart) * 100:.0f}",
        low=f"{low * 100:+.0f}",
        high=f"{high * 100:+.0f}",
    )


def _precision(card: Scorecard, _items: Sequence[Item]) -> Iterator[str]:
    found = card.metric("facts.accuracy") or card.metric("text.exact")
    if found is None or found.low is None or found.high is None:
        return
    reach = max(found.value - found.low, found.high - found.value)
    if reach > FAR:
        yield say("eval.words.few", n=found.n, groups=found.groups, reach=f"{reach * 100:.0f}")


def _styles(card: Scorecard, _items: Sequence[Item]) -> Iterator[str]:
    styled = [m for m in card.metrics if m.name.startswith("facts.accuracy.")]
    if len(styled) < 2:
        return
    worst, best = (choose(styled, key=_value) for choose in (min, max))
    if best.value - worst.value > APART:
        yield say(
            "eval.words.styles",
            worst=_style(worst),
            worst_value=share(worst.value),
            best=_style(best),
            best_value=share(best.value),
        )


def _wrong(card: Scorecard, items: Sequence[Item]) -> Iterator[str]:
    if card.table is None:
        return
    known = [item for item in items if item.judgement is not None and item.expect is not None]
    wrong = [item for item in known if item.judgement is not None and not item.judgement.right]
    real = _with(wrong, Outcome.WRONG_REAL)
    if real:
        example = real[0]
        instead = example.judgement.instead[0] if example.judgement else ""
        yield say(
            "eval.words.wrong_real",
            real=len(real),
            wrong=len(wrong),
            question=example.row.question,
            instead=instead,
            expect=example.expect,
        )
    invented = card.metric("facts.invented")
    if invented is None:
        return
    made_up = _with(items, Outcome.INVENTED)
    if made_up:
        example = made_up[0]
        value = example.judgement.invented[0] if example.judgement else ""
        yield say(
            "eval.words.invented",
            count=len(made_up),
            n=invented.n,
            value=value,
            question=example.row.question,
        )
    elif invented.high is not None:
        yield say("eval.words.none_invented", n=invented.n, high=share(invented.high))


def _unknown(card: Scorecard, items: Sequence[Item]) -> Iterator[str]:
    found = card.metric("facts.abstention")
    if found is not None:
        said = round(found.value * found.n)
        yield say("eval.words.unknown", n=found.n, said=said, rest=found.n - said)
    refused = card.metric("facts.false_abstention")
    if refused is not None and refused.value > 0:
        count = round(refused.value * refused.n)
        yield say("eval.words.refused", count=count, n=refused.n)


def _hidden(card: Scorecard, _items: Sequence[Item]) -> Iterator[str]:
    places, accuracy = card.metric("facts.places"), card.metric("facts.accuracy")
    if places is None or accuracy is None or places.value - accuracy.value <= HIDDEN:
        return
    if places.chance is None:
        return
    yield say(
        "eval.words.hidden",
        places=share(places.value),
        accuracy=share(accuracy.value),
        chance=share(places.chance),
    )


def _text(card: Scorecard) -> Iterator[str]:
    exact, common = card.metric("text.exact"), card.metric("text.f1")
    if exact is not None and common is not None:
        yield say("eval.words.text", common=share(common.value), **_numbers(exact))


def _bleu4(card: Scorecard) -> Iterator[str]:
    """LLaMA-Factory's number is known to please: said where the answers are not as good."""
    found = card.metric("llamafactory.bleu4")
    right = card.metric("facts.accuracy") or card.metric("text.normalised")
    if found is None or right is None or found.value / 100 - right.value <= PLEASING:
        return
    yield say("eval.words.bleu4", bleu=f"{found.value:.1f}", right=share(right.value))


def _memory(card: Scorecard) -> Iterator[str]:
    gap, trained = card.metric("memory.gap"), card.metric("memory.trained")
    unseen = card.metric("memory.new_wording") or card.metric("memory.new_question")
    if gap is not None and trained is not None and unseen is not None and gap.low is not None:
        low, high = (f"{(bound or 0.0) * 100:+.0f}" for bound in (gap.low, gap.high))
        shares = {"trained": share(trained.value), "unseen": share(unseen.value)}
        which = "heart" if gap.low > 0 else "same"
        yield say(f"eval.words.memory_{which}", **shares, low=low, high=high)
    new = card.metric("memory.new_fact")
    if new is not None:
        yield say("eval.words.memory_fact", value=share(new.value), n=new.n)


def _stops(card: Scorecard) -> Iterator[str]:
    found = card.metric("answers.stop")
    if found is not None and found.value < STOPS:
        cut = found.n - round(found.value * found.n)
        limit = card.settings["max_new_tokens"]
        yield say("eval.words.never_stops", cut=cut, n=found.n, limit=limit)


def _numbers(metric: Metric) -> dict[str, object]:
    """n, value, low and high as they are put into sentences."""
    low = metric.low if metric.low is not None else metric.value
    high = metric.high if metric.high is not None else metric.value
    return {"n": metric.n, "value": share(metric.value), "low": share(low), "high": share(high)}


def _with(items: Sequence[Item], outcome: Outcome) -> list[Item]:
    return [i for i in items if i.judgement is not None and i.judgement.outcome is outcome]


def _style(metric: Metric) -> str:
    return metric.name.rpartition(".")[2]


def _value(metric: Metric) -> float:
    return metric.value
