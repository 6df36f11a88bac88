"""Slips between a text and a name, against the letters themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huohou.answer.slips import MOST, features, said_of, with_slips
from huohou.answer.types import Entry, Hit

XINGFA = "湖北大悟农村商业银行股份有限公司兴发支行"
ENTRY = Entry(0, XINGFA, "402535510938", {"name": XINGFA, "city": "大悟县"}, 2)
ICBC = "中国工商银行股份有限公司北京知春路支行"
ZHICHUN = Entry(1, ICBC, "102100020794", {"name": ICBC, "city": "北京市"}, 3)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (XINGFA, 0),
        ("大悟农商行兴发支行", 0),
        ("大悟农村商业银行 兴发支行", 0),
        ("大悟县农商行兴发支行", 0),
        ("兴发支行 大悟农商行", 0),
        ("大悟那个兴发的农商行", 0),
        ("大悟农商行兴发", 0),
        ("大悟农商行新发支行", 1),
        ("大悟农商行发兴支行", 1),
        ("湖北大悟农村商业银行股份有限份司兴发支行", 1),
        ("大悟农商兴支行", 1),
        ("大悟农商行城关支行", 2),
        ("工商银行北京知春路支行", MOST),
    ],
)
def test_the_nearest_way_to_write_it_counts(asked: str, expected: int) -> None:
    assert features(said_of(asked), ENTRY)["slips"] == expected


@given(st.integers(0, len(ICBC) - 1), st.sampled_from("甲乙丙x1"))
def test_one_letter_is_one_slip(place: int, letter: str) -> None:
    changed = ICBC[:place] + letter + ICBC[place + 1 :]
    assert features(said_of(changed), ZHICHUN)["slips"] == 1
    assert features(said_of(ICBC[:place] + letter + ICBC[place:]), ZHICHUN)["slips"] == 1


@given(st.text(max_size=40), st.text(min_size=1, max_size=40), st.text(max_size=8))
def test_any_text_and_name_have_a_number(asked: str, name: str, city: str) -> None:
    entry = Entry(0, name, "1", {"city": city}, 1)
    assert 0 <= features(said_of(asked), entry)["slips"] <= MOST
    if any(one.isalnum() for one in name):
        assert features(said_of(name), entry)["slips"] == 0


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("我妈在工行知春路支行开的户", {"inside"}),
        ("我卡是工行知春路", {"inside.bare"}),
        ("知春路支行", {"alone"}),
        ("智春路支行", {"alone.slip"}),
        ("交行知春路支行", {"other.bank"}),
        ("工行知丑路支行", {"unlike"}),
    ],
)
def test_a_name_in_a_sentence_and_a_branch_without_its_bank(asked: str, expected: set[str]) -> None:
    assert expected <= set(features(said_of(asked), ZHICHUN))


def test_the_short_name_of_another_bank_is_no_slip() -> None:
    assert features(said_of("交行知春路支行"), ZHICHUN)["slips"] == 2


def test_names_in_english_slip_too() -> None:
    entry = Entry(0, "Acme Widgets Co., Ltd.", "7", {}, 1)
    assert features(said_of("acme widgets"), entry)["slips"] == 0
    assert features(said_of("acme wigdets"), entry)["slips"] == 1


def test_rows_that_bear_the_name_and_texts_too_long_for_one_are_left_alone() -> None:
    near, exact = Hit(ENTRY, 0.9, "spelling"), Hit(ZHICHUN, 1.0, "exact")
    assert with_slips(ICBC, [exact, near]) == [exact, near]
    assert with_slips("大" * 10_000, [near]) == [near]
    assert with_slips("", [near]) == [near]
    assert with_slips("大悟农商行新发支行", [near])[0].features["slips"] == 1.0
