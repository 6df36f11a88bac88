"""What is read from a question: intent, name, codes, column. Pure text."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huohou.answer.understand import Columns, find_codes, plain, tokens, understand
from huohou.data.wordings import FORWARD, REVERSE

BANKS = Columns("name", "code", ("city",), 12)
NAME, CODE = "大悟农商行兴发支行", "402535510938"


@pytest.mark.parametrize("template", FORWARD["zh"])
def test_every_chinese_wording_leaves_the_name(template: str) -> None:
    asked = understand(template.format(name=NAME, noun="联行号"), BANKS)
    assert (asked.intent, asked.names[0], asked.codes) == ("value", NAME, ())


@pytest.mark.parametrize("template", FORWARD["en"])
def test_every_english_wording_leaves_the_name(template: str) -> None:
    asked = understand(template.format(name="Hill Street Branch", noun="CNAPS code"), BANKS)
    assert (asked.intent, asked.names[0]) == ("value", "Hill Street Branch")


@pytest.mark.parametrize("template", [*REVERSE["zh"], *REVERSE["en"]])
def test_every_reverse_wording_gives_the_code(template: str) -> None:
    asked = understand(template.format(value=CODE, noun="联行号", which="哪个银行"), BANKS)
    assert (asked.intent, asked.codes) == ("name", (CODE,))


@pytest.mark.parametrize(
    "written",
    [
        "4025 3551 0938",
        "4025-3551-0938",
        "４０２５３５５１０９３８",
        "402535510938。",
        "402.535.510.938",
    ],
)
def test_a_code_is_read_however_it_is_written(written: str) -> None:
    assert understand(f"{written}是哪家", BANKS).codes == (CODE,)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("40253551093", ("40253551093",)),  # one missing: still meant as a code
        ("4025355109388", ("4025355109388",)),
        ("402535510938 102100020794", (CODE, "102100020794")),
        ("2026-01-21 of 12345", ()),
        ("A402535510938", ()),
    ],
)
def test_what_counts_as_a_code(text: str, found: tuple[str, ...]) -> None:
    assert find_codes(text, 12) == found


@pytest.mark.parametrize(
    ("question", "column", "name"),
    [
        ("工行知春路支行在哪个城市", "city", "工行知春路支行"),
        ("知春路支行的城市是什么？", "city", "知春路支行"),
        ("Which city is Hill Branch in?", "city", "Hill Branch"),
        ("What is the city of Hill Branch?", "city", "Hill Branch"),
    ],
)
def test_another_column_is_asked_for(question: str, column: str, name: str) -> None:
    asked = understand(question, BANKS)
    assert (asked.intent, asked.column, asked.names[0]) == ("column", column, name)


@pytest.mark.parametrize("question", ["城市广场支行", "Kansas City Branch", "联行号：城市广场支行"])
def test_a_column_s_word_in_a_name_is_no_question_for_it(question: str) -> None:
    assert understand(question, BANKS).intent == "value"


@pytest.mark.parametrize(
    ("question", "place", "values"),
    [
        ("大悟农商行有哪些支行", "大悟农商行", False),
        ("列出北京市所有工商银行支行的联行号", "北京市 工商银行", True),
        ("How many branches are there in Dawu?", "Dawu", False),
        ("大悟县有哪些银行？", "大悟县", False),
    ],
)
def test_several_rows_are_asked_for(question: str, place: str, values: bool) -> None:
    asked = understand(question, BANKS)
    assert (asked.intent, asked.names, asked.values) == ("list", (place,), values)


@pytest.mark.parametrize("question", ["", " ", "？？？", "\x00\x01\n", "　", "\u200b\u200b", "..."])
def test_nothing_is_asked(question: str) -> None:
    assert understand(question, BANKS).intent == "empty"


def test_tokens_hold_a_digit() -> None:
    assert tokens("what is A-12 and 1000?") == ("A-12", "1000")


def test_every_character_leaves_something_that_can_be_printed() -> None:
    every = (chr(i) for i in range(sys.maxunicode + 1) if not 0xD800 <= i < 0xE000)
    bad = [hex(ord(c)) for c in every if not plain(f"0{c}0").isprintable()]
    assert bad == []


@given(st.text(max_size=300))
def test_any_text_is_understood_somehow(question: str) -> None:
    asked = understand(question, BANKS)
    assert asked.names or asked.codes or asked.intent in ("empty", "list", "column", "lacking")
    assert all(c.isprintable() for c in plain(question))
