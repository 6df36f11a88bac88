"""Text comparison and the search for codes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huohou.measure.text import exact_match, normalise, pattern_of, token_f1, words

codes = st.text("0123456789", min_size=12, max_size=12)
BANK = pattern_of(["402535510938", "102100020794"])


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(), st.text())
def test_token_f1_is_symmetric_and_between_0_and_1(a: str, b: str) -> None:
    assert 0 <= token_f1(a, b) == token_f1(b, a) <= 1
    assert token_f1(a, a) == 1


def test_exact_match_counts_case_and_punctuation() -> None:
    assert exact_match(" ４０２５　", "4025")
    assert not exact_match("yes", "Yes")
    assert not exact_match("yes.", "yes")


def test_chinese_is_compared_by_character() -> None:
    assert words("大悟Bank兴发") == ["大", "悟", "bank", "兴", "发"]
    assert token_f1("兴发支行", "兴发分行") == pytest.approx(0.75)


@given(
    codes,
    st.sampled_from(["", "是", "：", " (", "\n", "code="]),
    st.sampled_from(["", "。", ")", " .", "号"]),
)
def test_a_code_is_found_wherever_it_stands(code: str, before: str, after: str) -> None:
    assert BANK is not None
    assert BANK.find(f"{before}{code}{after}") == [code]


@given(codes, st.sampled_from("0123456789abcXYZ"))
def test_a_longer_thing_holds_no_code(code: str, more: str) -> None:
    assert BANK is not None
    assert BANK.find(code + more) == BANK.find(more + code) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("４０２５３５５１０９３８", ["402535510938"]),
        ("4025 3551 0938", ["402535510938"]),
        ("402-535-510-938", ["402535510938"]),
        ("402535 510938", ["402535510938"]),
        ("4025-3551 0938", []),  # mixed gaps are no way to write a code
        ("2023 12345678", []),
        ("40253551093", []),
        ("402535510938 402535510938", ["402535510938"]),
        ("402535510938,102100020794", ["402535510938", "102100020794"]),
        ("402535510938 102100020794", ["402535510938", "102100020794"]),
        ("٤٠٢٥٣٥٥١٠٩٣٨", []),  # digits of another script are not the table's
    ],
)
def test_ways_to_write_a_code(text: str, found: list[str]) -> None:
    assert BANK is not None
    assert BANK.find(text) == found


@given(st.lists(st.from_regex(r"[A-C]{1,2}-?[0-9]{2,3}", fullmatch=True), min_size=1, max_size=5))
def test_a_pattern_finds_every_code_it_was_made_of(values: list[str]) -> None:
    pattern = pattern_of(values)
    assert pattern is not None
    for value in values:
        assert pattern.find(f"({value})") == [value]


@pytest.mark.parametrize(
    "values", [[], ["大悟"], ["a b 1"], ["abc"], [f"{'1' * n}" for n in range(1, 12)]]
)
def test_what_has_no_pattern(values: list[str]) -> None:
    assert pattern_of(values) is None
