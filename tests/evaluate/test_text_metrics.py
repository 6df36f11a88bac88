"""Metric cards of free text: their numbers are the libraries', with interval, base and settings."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF

from huohou import text
from huohou.data.dataset import Row
from huohou.evaluate.card import Metric
from huohou.evaluate.compute import absent, compute, kept
from huohou.evaluate.items import Item, context_of, judged
from huohou.evaluate.metrics import load
from huohou.measure.corpus import corpus_difference, corpus_interval
from huohou.measure.text.bleu import bleu_score
from huohou.probe.answers import Answer, Likelihood
from scored_job import ASKED, DAWU, row

REFERENCES = (
    "Open items can be returned within 14 days.",
    "The code of the Dawu branch is 402535510938.",
    "Ask at the counter and bring your passport.",
    "We are open from Monday to Friday.",
)
SAID = (
    "Open items can not be returned within 14 days.",
    "The code of the Dawu branch is 402535510939.",
    "Bring your passport and ask at the counter.",
    "we are open from monday to friday",
)
BASE = ("I do not know.", "The code is 1 1 1 1 1 1.", "", "We are a bank.")


def _items(
    answers: Sequence[str],
    references: Sequence[str] = REFERENCES,
    likelihoods: Sequence[Likelihood | None] | None = None,
) -> list[Item]:
    rows = [row(f"question {i}?", reference) for i, reference in enumerate(references)]
    said = [Answer(answer, len(answer) + 1, 0.5, True) for answer in answers]
    return judged(rows, said, context_of(rows, None), likelihoods)


def _metrics(items: list[Item], base: list[Item] | None = None) -> dict[str, Metric]:
    rows: list[Row] = [item.row for item in items]
    return {m.name: m for m in compute(items, base, context_of(rows, None))}


def test_cards_hold_the_numbers_of_the_libraries() -> None:
    found = _metrics(_items(SAID))
    assert found["text.bleu"].value == BLEU().corpus_score(SAID, [REFERENCES]).score
    assert found["text.chrf"].value == pytest.approx(CHRF().corpus_score(SAID, [REFERENCES]).score)
    kinds = ["rouge1", "rouge2", "rougeL"]
    scores = [RougeScorer(kinds).score(r, a) for r, a in zip(REFERENCES, SAID, strict=True)]
    for kind in kinds:
        theirs = sum(score[kind].fmeasure for score in scores) / len(scores)
        assert found[f"text.{kind}"].value == pytest.approx(theirs, rel=1e-12)
    assert (found["text.exact"].value, found["text.normalised"].value) == (0, 0.25)


def test_every_card_says_how_it_was_counted_and_how_sure_it_is() -> None:
    found = _metrics(_items(SAID), _items(BASE))
    bleu, chrf, theirs = (found[f"{n}"] for n in ("text.bleu", "text.chrf", "llamafactory.bleu4"))
    assert bleu.tokenisation == "sacrebleu 13a" and "tok:13a" in bleu.settings
    assert found["text.rougeL"].tokenisation == "rouge-score"
    for metric in (bleu, chrf, theirs, found["text.rougeL"]):
        assert metric.n == metric.groups == 4 and metric.definition and metric.settings
        assert metric.low is not None and metric.high is not None
        assert metric.low <= metric.value <= metric.high
        assert metric.baseline is not None and metric.baseline < metric.value
        assert metric.difference is not None and metric.difference[1] is not None
        assert metric.difference[0] == pytest.approx(metric.value - metric.baseline)
    assert bleu.unit == chrf.unit == theirs.unit == "points"
    assert theirs.value > 60 and found["text.normalised"].value == 0.25  # three of four are wrong


def test_how_it_was_cut_is_said_in_the_readers_language() -> None:
    text.use("zh")
    try:
        found = _metrics(_items(SAID))
    finally:
        text.use(None)
    assert found["text.chrf"].tokenisation == "字符，不含空白"
    assert found["text.rougeL"].settings.startswith("F 值")
    assert "LLaMA-Factory" in found["llamafactory.bleu4"].settings


def test_chinese_is_cut_into_words_or_characters() -> None:
    found = _metrics(_items(["大悟农商行的联行号"] * 2, ["大悟农商行联行号", "行号"]))
    assert found["text.bleu"].tokenisation == "sacrebleu zh"
    assert found["text.rouge1"].tokenisation == "jieba"
    assert found["text.rouge1"].value > 0.3


def test_facts_have_llamafactorys_numbers_and_no_other_text_scores() -> None:
    said = [Answer(DAWU, 13, 0.1, True)] * len(ASKED)
    found = _metrics(judged(ASKED, said, context_of(ASKED, None)))
    assert {name for name in found if name.startswith("text.")} == set()
    assert found["llamafactory.bleu4"].value > 100 * found["facts.accuracy"].value


def test_perplexity_is_that_of_all_tokens_together() -> None:
    known = [Likelihood(2.0, 4), Likelihood(9.0, 6), None, Likelihood(0.5, 2)]
    other = [Likelihood(20.0, 4), Likelihood(30.0, 6), None, Likelihood(12.0, 2)]
    found = _metrics(_items(SAID, likelihoods=known), _items(SAID, likelihoods=other))
    metric = found["answers.perplexity"]
    assert metric.value == pytest.approx(math.exp(11.5 / 12)) and metric.n == 3
    assert metric.baseline == pytest.approx(math.exp(62 / 12))
    assert metric.difference is not None and metric.difference[2] is not None
    assert metric.difference[2] < 0  # lower is better, and it is
    assert "answers.perplexity" not in _metrics(_items(SAID))


def test_an_impossible_answer_is_infinitely_surprising() -> None:
    known = [Likelihood(5000.0, 2), None, None, None]
    assert _metrics(_items(SAID, likelihoods=known))["answers.perplexity"].value == math.inf


def test_length_and_repetition_beside_those_of_the_references() -> None:
    found = _metrics(_items(["no " * 20, "the bank " * 10, *REFERENCES[2:]]))
    length, distinct, repeated = (
        found[f"answers.{name}"] for name in ("length_ratio", "distinct2", "repeated")
    )
    assert length.value > 1 and length.better == "one" and length.low is not None
    assert distinct.value < 0.5 < (distinct.reference or 0) and distinct.low is None
    assert repeated.value > 0.4 > (repeated.reference or 0)


def test_what_is_kept_of_an_answer_adds_up_to_the_cards() -> None:
    items = _items(SAID)
    found, cards = kept(items, context_of([i.row for i in items], None)), _metrics(items)
    first = found[0]
    assert {"text.bleu", "answers.distinct2", "speed.tokens_per_second"} & set(
        first["values"]
    ) == set()
    theirs = [one["values"]["llamafactory.bleu4"] for one in found]
    assert cards["llamafactory.bleu4"].value == pytest.approx(100 * sum(theirs) / 4)
    sums = np.sum([one["statistics"]["text.bleu"] for one in found], axis=0, keepdims=True)
    assert bleu_score(sums)[0] == cards["text.bleu"].value


def test_a_library_that_is_not_there_leaves_its_metrics_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    missing = {"sacrebleu": None}
    monkeypatch.setattr(
        "huohou.evaluate.metrics.find_spec", lambda name: missing.get(name, "there")
    )
    found = _metrics(_items(SAID))
    assert "text.bleu" not in found and "text.rougeL" in found
    assert absent(_items(SAID)) == {"sacrebleu": ["text.bleu", "text.chrf"]}


answers = st.lists(
    st.text("ab 大悟1,.\n", max_size=12), min_size=len(REFERENCES), max_size=len(REFERENCES)
)


@settings(max_examples=20)
@given(answers, answers)
def test_any_answers_give_numbers_in_their_range(said: list[str], wanted: list[str]) -> None:
    for metric in _metrics(_items(said, wanted), _items(BASE, wanted)).values():
        top = {"share": 1, "points": 100}.get(metric.unit)
        if top is None or math.isnan(metric.value):
            continue
        assert 0 <= metric.value <= top * (1 + 1e-9), metric.name
        if metric.low is not None and metric.high is not None:
            assert metric.low <= metric.value <= metric.high


def test_every_metric_is_either_of_an_answer_or_of_many() -> None:
    for name, measure in load():
        kinds = (measure.corpus, measure.whole, measure.weight)
        assert sum(kind is not None for kind in kinds) <= 1, name


def test_intervals_of_sums_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(100):
        level = rng.gamma(4.0, size=30)  # answers about one thing are alike
        tokens = rng.integers(3, 12, size=90)
        nats = rng.gamma(2.0, size=90) * np.repeat(level, 3) / 8 * tokens
        groups = [i // 3 for i in range(90)]
        found = corpus_interval(
            np.stack([nats, tokens], axis=1), lambda sums: sums[:, 0] / sums[:, 1], groups
        )
        assert found.low is not None and found.high is not None
        held += found.low <= 1.0 <= found.high  # gamma(4) x gamma(2) / 8 has the mean 1
    assert 86 <= held <= 99


def test_differences_of_sums_are_paired() -> None:
    first = [[i % 7, 10] for i in range(40)]
    second = [[i % 7 + 1, 10] for i in range(40)]
    found = corpus_difference(first, second, lambda sums: sums[:, 0] / sums[:, 1])
    assert found.value == pytest.approx(-0.1)
    assert found.low is None  # every question differs alike: nothing to resample
    with pytest.raises(ValueError, match="shapes"):
        corpus_difference(first, second[:3], lambda sums: sums[:, 0])
