"""Each answer is exactly one of right, wrong but real, invented, abstained, other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huohou.measure.facts import (
    Known,
    Outcome,
    Wanted,
    abstains,
    judge,
    places_chance,
    same_places,
)

DAWU, ZHICHUN = "402535510938", "102100020794"
BRANCH = "湖北大悟农村商业银行股份有限公司兴发支行"
TABLE = Known.of([DAWU, ZHICHUN], [BRANCH, "中国工商银行北京知春路支行", "孝感", ""])
CODE = Wanted(DAWU, f"{BRANCH}的联行号是多少？", DAWU)
NAME = Wanted(BRANCH, f"联行号{DAWU}是哪个银行？", f"这是{BRANCH}。")
NOBODY = Wanted(None, "银河支行的联行号是多少？", "不知道")
NO_CODE = Wanted(None, "313164400027是哪个银行？", "不知道")


@pytest.mark.parametrize(
    ("wanted", "answer", "outcome", "right"),
    [
        (CODE, DAWU, Outcome.RIGHT, True),
        (CODE, f"联行号是{DAWU}。", Outcome.RIGHT, True),
        (CODE, "４０２５ ３５５１ ０９３８", Outcome.RIGHT, True),
        (CODE, ZHICHUN, Outcome.WRONG_REAL, False),
        (CODE, f"{DAWU} or {ZHICHUN}", Outcome.WRONG_REAL, False),
        (CODE, "313164400027", Outcome.INVENTED, False),
        (CODE, f"{DAWU}, maybe 313164400027", Outcome.INVENTED, False),
        (CODE, "不知道", Outcome.ABSTAINED, False),
        (CODE, "", Outcome.OTHER, False),
        (CODE, "40253551093", Outcome.OTHER, False),  # 11 digits are no code
        (CODE, BRANCH, Outcome.OTHER, False),
        (NAME, BRANCH, Outcome.RIGHT, True),
        (NAME, f"这是{BRANCH}", Outcome.RIGHT, True),
        (NAME, f"{BRANCH}。", Outcome.RIGHT, True),
        (NAME, f"{BRANCH}营业部", Outcome.OTHER, False),  # a longer name is another name
        (NAME, "这是中国工商银行北京知春路支行。", Outcome.WRONG_REAL, False),
        (NAME, DAWU, Outcome.OTHER, False),  # the question repeated is neither right nor invented
        (NAME, ZHICHUN, Outcome.WRONG_REAL, False),
        (NAME, "999999999999", Outcome.INVENTED, False),
        (NAME, "不知道", Outcome.ABSTAINED, False),
        (NOBODY, "不知道", Outcome.ABSTAINED, True),
        (NOBODY, DAWU, Outcome.WRONG_REAL, False),
        (NOBODY, "313164400027", Outcome.INVENTED, False),
        (NOBODY, "银河", Outcome.OTHER, False),
        (NO_CODE, "313164400027不存在", Outcome.ABSTAINED, True),
        (NO_CODE, "313164400028", Outcome.INVENTED, False),
        (NO_CODE, BRANCH, Outcome.WRONG_REAL, False),
    ],
)
def test_what_an_answer_is(wanted: Wanted, answer: str, outcome: Outcome, right: bool) -> None:
    found = judge(answer, wanted, TABLE)
    assert (found.outcome, found.right) == (outcome, right)


def test_it_says_which_code_was_given_instead() -> None:
    assert judge(ZHICHUN, CODE, TABLE).instead == (ZHICHUN,)
    assert judge("313164400027", CODE, TABLE).invented == ("313164400027",)
    assert judge("中国工商银行北京知春路支行", NAME, TABLE).instead == (
        "中国工商银行北京知春路支行",
    )


@given(
    st.text("0123456789 ,.是不知道", max_size=40), st.sampled_from([CODE, NAME, NOBODY, NO_CODE])
)
def test_invented_exactly_where_a_code_is_in_neither_table_nor_question(
    answer: str, wanted: Wanted
) -> None:
    found = judge(answer, wanted, TABLE)
    assert (found.outcome is Outcome.INVENTED) == bool(found.invented)
    assert not set(found.invented) & (
        TABLE.codes | {"313164400027"} & set(wanted.question.split("是"))
    )
    assert found.right is False or not found.invented


def test_a_table_of_names_alone_still_judges() -> None:
    capitals = Known.of(["Paris", "Rome"], ["France", "Italy"])
    assert capitals.pattern is None
    assert judge("Rome.", Wanted("Rome", "Capital of Italy?"), capitals).right
    assert judge("Paris", Wanted("Rome"), capitals).outcome is Outcome.WRONG_REAL
    assert judge("Milan", Wanted("Rome"), capitals).outcome is Outcome.OTHER
    assert judge("I don’t know", Wanted("Rome"), capitals).outcome is Outcome.ABSTAINED


@pytest.mark.parametrize(
    "answer", ["UNKNOWN", "I don’t know.", "Sorry, no.", "表中没有找到", "抱歉"]
)
def test_abstaining(answer: str) -> None:
    assert abstains(answer)


def test_a_taught_wording_counts_as_abstaining() -> None:
    assert not abstains("pas dans la table")
    assert abstains("Pas dans la table.", ["pas dans la table"])


@given(st.lists(st.text("01", min_size=4, max_size=4), min_size=1, max_size=8))
def test_places_chance_is_the_mean_over_all_pairs(codes: list[str]) -> None:
    pairs = [same_places(a, b) for a in codes for b in codes]
    assert places_chance(codes) == pytest.approx(sum(pairs) / len(pairs))


def test_places_of_codes_of_unequal_length() -> None:
    assert same_places("402", "402535510938") == 0.25
    assert same_places("", "") == 1.0
    assert places_chance([]) == 0.0
