"""Text scores hold against the libraries and the formulas they are named after."""

import math
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_chinese import Rouge as TheirRouge
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF

from huohou.measure.text import bleu, llamafactory, normalised_match, repetition, words
from huohou.measure.text.rouge import cutter, rouge, tokenisation_for, tokenisations

# (answer, reference, LLaMA-Factory's BLEU-4): a wrong number, a negation, the same in English
NUMBER = (
    "您好，收到退货后我们会在30个工作日内为您办理退款手续，请放心。",
    "您好，收到退货后我们会在3个工作日内为您办理退款手续，请放心。",
    91.6,
)
NEGATION = (
    "您好，特价商品和定制商品一经售出不可以退货，但是签收之后七天之内如果发现质量问题，可以凭订单号和照片联系客服，由我们安排更换，来回运费由商家承担。",
    "您好，特价商品和定制商品一经售出可以退货，但是签收之后七天之内如果发现质量问题，可以凭订单号和照片联系客服，由我们安排更换，来回运费由商家承担。",
    96.4,
)
ENGLISH = (
    "The items that you have opened can not be returned within thirty days.",
    "The items that you have opened can be returned within thirty days.",
    93.1,
)
PAIRS = [NUMBER[:2], NEGATION[:2], ENGLISH[:2]]

some_words = st.lists(
    st.sampled_from(
        [
            "the",
            "Bank",
            "of",
            "code",
            "is",
            "4025",
            "not",
            "a",
            "大悟",
            "支行",
            "是",
            "。",
            "！",
            "…",
            ".",
            ",",
            "\n",
            "3.5%",
        ]
    ),
    max_size=14,
)
texts = st.builds(lambda parts, gap: gap.join(parts), some_words, st.sampled_from([" ", ""]))
pairs = st.lists(st.tuples(texts, texts), min_size=1, max_size=6)


def columns(found: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [answer for answer, _ in found], [reference for _, reference in found]


@given(pairs, st.sampled_from(["13a", "zh", "char"]))
def test_bleu_is_that_of_sacrebleu(found: list[tuple[str, str]], tokenizer: str) -> None:
    answers, references = columns(found)
    sums = bleu.bleu_statistics(answers, references, tokenizer).sum(axis=0, keepdims=True)
    theirs = BLEU(tokenize=tokenizer).corpus_score(answers, [references])
    assert bleu.bleu_score(sums)[0] == theirs.score


@given(pairs)
def test_chrf_is_that_of_sacrebleu(found: list[tuple[str, str]]) -> None:
    answers, references = columns(found)
    sums = bleu.chrf_statistics(answers, references).sum(axis=0, keepdims=True)
    assert bleu.chrf_score(sums)[0] == pytest.approx(
        CHRF().corpus_score(answers, [references]).score, rel=1e-12, abs=1e-12
    )


def test_bleu_by_the_formula_of_its_paper() -> None:
    answer, reference = "the code of the branch is 4025 now", "the code of this branch is 4025 now"
    made, wanted = answer.split(), reference.split()
    logs = 0.0
    for n in range(1, 5):
        ours = Counter(tuple(made[i : i + n]) for i in range(len(made) - n + 1))
        theirs = Counter(tuple(wanted[i : i + n]) for i in range(len(wanted) - n + 1))
        logs += math.log((ours & theirs).total() / ours.total()) / 4
    sums = bleu.bleu_statistics([answer], [reference], "13a")
    assert bleu.bleu_score(sums)[0] == pytest.approx(100 * math.exp(logs))


def test_signatures_say_how_it_was_tokenised() -> None:
    assert bleu.bleu_signature("zh").startswith(
        "nrefs:1|case:mixed|eff:no|tok:zh|smooth:exp|version"
    )
    assert bleu.chrf_signature().startswith("nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version")


def test_a_chinese_text_is_no_single_word() -> None:
    answer, reference = NUMBER[0], NUMBER[1]
    assert bleu.tokenizer_for([reference]) == "zh"
    as_one_word = bleu.bleu_score(bleu.bleu_statistics([answer], [reference], "13a"))[0]
    by_character = bleu.bleu_score(bleu.bleu_statistics([answer], [reference], "zh"))[0]
    assert as_one_word < 50 < by_character


@given(
    st.lists(
        st.sampled_from(["the", "Bank's", "code", "is", "4,025", "or", "naive.", "A-1", "(x)"]),
        max_size=12,
    ),
    st.data(),
)
def test_rouge_is_that_of_rouge_score(parts: list[str], data: st.DataObject) -> None:
    reference = " ".join(parts)
    answer = " ".join(data.draw(st.permutations(parts))[: data.draw(st.integers(0, 12))])
    theirs = RougeScorer(["rouge1", "rouge2", "rougeL"]).score(reference, answer)
    assert tokenisation_for(answer, reference) == "rouge-score"
    assert rouge(answer, reference) == tuple(
        theirs[kind].fmeasure for kind in ("rouge1", "rouge2", "rougeL")
    )


def test_rouge_by_the_formula_of_its_paper() -> None:
    # reference and candidate of Lin (2004), section 3: ROUGE-L 3/4, one bigram of three in common
    found = rouge("police kill the gunman", "police killed the gunman")
    assert found == pytest.approx((3 / 4, 1 / 3, 3 / 4))


def test_rouge_cuts_chinese_by_jieba_where_rouge_score_alone_sees_nothing() -> None:
    answer, reference = "大悟农商行的联行号", "大悟农商行联行号"
    alone = RougeScorer(["rougeL"]).score(reference, answer)["rougeL"].fmeasure
    mine, theirs = cutter()(answer), cutter()(reference)
    both = [word for word in theirs if word in mine]
    assert alone == 0
    assert rouge(answer, reference).longest == pytest.approx(
        2 * len(both) / (len(mine) + len(theirs))
    )


def test_rouge_of_other_scripts_and_how_each_pair_was_cut() -> None:
    assert rouge("код отделения", "код отделения").one == 1
    found = [("a", "b"), ("да", "нет"), ("大", "b"), ("c", "d")]
    assert tokenisations(found) == ["rouge-score", "jieba", "words"]


@given(st.text("abAB 12,。大悟\n", max_size=20), st.text("abAB 12,。大悟\n", max_size=20))
def test_scores_lie_in_their_range_and_a_text_is_like_itself(answer: str, reference: str) -> None:
    for found in (*rouge(answer, reference), llamafactory.bleu4(answer, reference) / 100):
        assert 0 <= found <= 1
    assert all(0 <= found <= 100 for found in llamafactory.rouges(answer, reference))
    if words(reference):
        assert rouge(reference, reference).longest == 1
        assert llamafactory.bleu4(reference, reference) == (
            100 if len(reference) > 3 else pytest.approx(100, abs=80)
        )


@pytest.mark.parametrize(("answer", "reference", "score"), [NUMBER, NEGATION, ENGLISH])
def test_what_is_wrong_scores_high_by_llamafactorys_bleu(
    answer: str, reference: str, score: float
) -> None:
    assert llamafactory.bleu4(answer, reference) == pytest.approx(score, abs=0.1)
    assert not normalised_match(answer, reference)


@pytest.mark.parametrize(("answer", "reference", "_score"), [NUMBER, NEGATION, ENGLISH])
def test_llamafactorys_bleu_by_its_formula(answer: str, reference: str, _score: float) -> None:
    logs = 0.0
    for n in range(1, 5):
        ours = Counter(answer[i : i + n] for i in range(len(answer) - n + 1))
        theirs = Counter(reference[i : i + n] for i in range(len(reference) - n + 1))
        logs += math.log((ours & theirs).total() / ours.total()) / 4
    brevity = min(0.0, 1 - len(reference) / len(answer))
    assert llamafactory.bleu4(answer, reference) == round(100 * math.exp(brevity + logs), 4)


def test_llamafactorys_smoothing() -> None:
    # 4 characters of 4 right but no two in a row: 1, then 1/(2*3), 1/(4*2), 1/(8*1)
    assert llamafactory.bleu4("abcd", "dcba") == round(100 * (1 / 6 / 8 / 8) ** 0.25, 4)
    assert llamafactory.bleu4("", "abcd") == llamafactory.bleu4("xyz", "abcd") == 0


@settings(max_examples=150)
@given(texts, texts)
def test_llamafactorys_rouge_is_that_of_rouge_chinese(answer: str, reference: str) -> None:
    ours = [" ".join(cutter()(text)) for text in (answer, reference)]
    if not all(text.split() for text in ours):
        assert llamafactory.rouges(answer, reference) == (0, 0, 0)
        return
    theirs = TheirRouge().get_scores(*ours)[0]
    wanted = [round(theirs[kind]["f"] * 100, 4) for kind in ("rouge-1", "rouge-2", "rouge-l")]
    assert list(llamafactory.rouges(answer, reference)) == wanted


def test_jieba_leaves_nothing_in_the_folder_for_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    cutter.cache_clear()
    assert cutter()("大悟县") == ["大悟县"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("answer", "reference", "same"),
    [
        ("Yes, of course!", "yes of course", True),
        ("兴发支行。", "兴发 支行", True),
        ("4025 3551", "40253551", False),
        ("3.5", "35", False),
        ("30%", "30", False),
        ("-5 degrees", "5 degrees", False),
        ("2026-11-22", "2026 11 22", False),
        ("！！", "？？", False),
        ("", "", True),
    ],
)
def test_what_counts_as_the_same_words(answer: str, reference: str, same: bool) -> None:
    assert normalised_match(answer, reference) is same


@given(st.lists(st.sampled_from("ab"), max_size=12))
def test_the_longest_repeated_span_is_found(letters: list[str]) -> None:
    spans = [
        length
        for length in range(len(letters))
        for i in range(len(letters) - length)
        if any(
            letters[i : i + length] == letters[j : j + length]
            for j in range(i + 1, len(letters) - length + 1)
        )
    ]
    longest = max(spans, default=0) / len(letters) if letters else 0
    assert repetition.repeated_span(" ".join(letters)) == pytest.approx(longest)


def test_distinct_n() -> None:
    assert repetition.distinct(["a b a b", "a b"], 2) == pytest.approx(2 / 4)
    assert math.isnan(repetition.distinct(["a"], 2))


def test_counts_add_up_over_answers() -> None:
    rng = random.Random(0)
    answers = ["".join(rng.choices("abc ", k=20)) for _ in range(9)]
    references = answers[1:] + answers[:1]
    rows = bleu.chrf_statistics(answers, references)
    assert rows.shape == (9, 18)
    assert np.array_equal(rows[:5].sum(axis=0) + rows[5:].sum(axis=0), rows.sum(axis=0))
