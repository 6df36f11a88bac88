"""Questions about several rows, about a part of a name, and about what lies elsewhere."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huohou.answer.engine import Engine
from huohou.answer.index import FactIndex, open_index
from huohou.answer.several import Held, told
from huohou.answer.types import Answer

EXAMPLES = Path(__file__).parents[2] / "examples"
ANLU = "湖北安陆农村商业银行股份有限公司"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("several")


@pytest.fixture(scope="module")
def branches(cache: Path) -> FactIndex:
    return open_index(str(EXAMPLES / "bank_codes" / "branches.csv"), cache_folder=cache)


@pytest.fixture(scope="module")
def cities(cache: Path) -> FactIndex:
    return open_index(str(EXAMPLES / "city_codes" / "cities.csv"), cache_folder=cache)


@pytest.fixture(scope="module")
def offices(cache: Path) -> FactIndex:
    rows = ("Hill Street Office,A-1,York", "Mill Road Office,A-2,York", "Hill Top Office,B-1,Leeds")
    table = cache / "offices.csv"
    table.write_text("\n".join(["name,code,city", *rows, ""]), encoding="utf-8")
    return open_index(str(table), cache_folder=cache)


def ask(index: FactIndex, question: str) -> Answer:
    return Engine(index, language="en").ask(question, "lookup")


@pytest.mark.parametrize(
    ("question", "rest", "held"),
    [
        ("名字里带“新”字的支行", "支行", Held("新", "in")),
        ("名称中含河的网点", "网点", Held("河", "in")),
        ("以东字开头的支行", "支行", Held("东", "start")),
        ("名字以“桥”结尾的", "", Held("桥", "end")),
        ("4025开头的行号", "行号", Held("4025", "value")),
        ("offices whose name contains 'Hill Top'", "offices", Held("Hill Top", "in")),
        ("cities starting with North", "cities", Held("North", "start")),
        ("cities ending in ham?", "cities", Held("ham", "end")),
    ],
)
def test_a_part_of_a_name_is_read(question: str, rest: str, held: Held) -> None:
    found = told(question)
    assert (found.rest.strip("\n ?"), found.holds, found.vague) == (rest, (held,), False)


@pytest.mark.parametrize(
    "question",
    [
        "兴发支行的联行号是多少",
        "大悟农商行有什么支行",
        "你叫什么名字",
        "what is the code of Hill Top",
    ],
)
def test_a_plain_question_tells_no_part(question: str) -> None:
    found = told(question)
    assert (found.rest, found.holds, found.vague) == (question, (), False)


@given(st.text(max_size=200))
def test_any_text_is_told_somehow(text: str) -> None:
    assert all(one.text for one in told(text).holds)


def keys(index: FactIndex, found: Answer) -> list[str]:
    return [row.key.removeprefix(ANLU) for row in found.evidence]


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("安陆农商行名称里含“店”的网点有哪些", ["李店支行", "巡店支行", "烟店支行"]),
        ("安陆农商行以店结尾的支行", ["李店支行", "巡店支行", "烟店支行"]),
        ("安陆农商行以烟字开头的支行有几个", ["烟店支行"]),
        ("安陆农商行什么店支行都列一下", ["李店支行", "巡店支行", "烟店支行"]),
    ],
)
def test_rows_are_listed_by_a_part_of_the_name(
    question: str, names: list[str], branches: FactIndex
) -> None:
    found = ask(branches, question)
    assert (found.intent, found.status, keys(branches, found)) == ("list", "found", names)


def test_a_list_gives_values_where_they_are_asked_for(branches: FactIndex) -> None:
    found = ask(branches, "安陆农商行带“店”字的支行，行号都要")
    assert found.values == ("402535310944", "402535310952", "402535311011")


def test_how_many_is_answered_with_the_number(cities: FactIndex, branches: FactIndex) -> None:
    rows = [row for row in map(cities.entry, range(len(cities))) if "江" in row.key]
    found = ask(cities, "名字里带“江”字的城市一共有多少个")
    assert len(found.evidence) == len(rows) and str(len(rows)) in found.answer
    whole = branches.listed("安陆农商行", 1000)[1]
    assert f"{whole}:" in ask(branches, "安陆农商行总共几个网点").answer


def test_rows_are_listed_by_the_beginning_of_the_value(cities: FactIndex) -> None:
    found = ask(cities, "42开头的代码有哪些")
    assert found.evidence and all(row.value.startswith("42") for row in found.evidence)


def test_english_names_are_listed_by_a_part_and_by_another_column(offices: FactIndex) -> None:
    hill = ask(offices, "Which offices have Hill in their name?")
    assert [row.value for row in hill.evidence] == ["A-1", "B-1"]
    assert ask(offices, "How many offices in York?").evidence == tuple(map(offices.entry, (0, 1)))
    both = ask(offices, "offices in York whose name contains Hill")
    assert [row.value for row in both.evidence] == ["A-1"]


def test_what_no_row_has_is_said(branches: FactIndex) -> None:
    found = ask(branches, "安陆农商行名字里带“火”字的支行")
    assert (found.status, found.values) == ("unknown", ())


def test_a_place_that_ends_as_a_word_for_all_is_kept(branches: FactIndex) -> None:
    assert ask(branches, "成都有哪些支行").status == "unknown"  # not the rows with 成


@pytest.mark.parametrize(
    "question", ["安陆农商行什么店支行", "安陆农商行啥店支行的行号，名字记不清了"]
)
def test_a_forgotten_word_is_asked_back(question: str, branches: FactIndex) -> None:
    found = ask(branches, question)
    offered = [one.entry.key.removeprefix(ANLU) for one in found.alternatives]
    assert (found.status, offered) == ("ambiguous", ["李店支行", "巡店支行", "烟店支行"])


def test_a_forgotten_word_that_one_row_fits_is_answered(branches: FactIndex) -> None:
    found = ask(branches, "大悟农商行兴什么支行的联行号")
    assert (found.status, found.values) == ("found", ("402535510938",))


@pytest.mark.parametrize("question", ["开发区支行的联行号发我一下", "李店支行"])
def test_a_branch_that_several_have_is_asked_back(question: str, branches: FactIndex) -> None:
    found = ask(branches, question)
    assert (found.status, len(found.alternatives)) == ("ambiguous", 2)


@pytest.mark.parametrize(
    "question",
    [
        "安陆农商行烟店支行和大悟农商行兴发支行的行号",
        "安陆农商行烟店支行以及大悟农商行兴发支行",
    ],
)
def test_two_names_are_both_answered(question: str, branches: FactIndex) -> None:
    assert ask(branches, question).values == ("402535311011", "402535510938")


def test_the_second_name_shares_the_institution(branches: FactIndex) -> None:
    found = ask(branches, "安陆农商行烟店支行和李店支行的行号")  # 李店 is in 广水 as well
    assert found.values == ("402535311011", "402535310944")


def test_two_places_are_listed_together(cities: FactIndex, branches: FactIndex) -> None:
    found = ask(branches, "安陆农商行和云梦农商行有哪些支行")
    totals = [branches.listed(one, 100)[1] for one in ("安陆农商行", "云梦农商行")]
    assert len(found.evidence) == min(sum(totals), 100) and min(totals) > 1
    assert ask(cities, "大悟县和云梦县的代码").values == ("5355", "5356")


def test_of_two_codes_the_one_of_a_name(branches: FactIndex) -> None:
    found = ask(branches, "402535311011和402535310944，哪个是安陆农商行烟店支行")
    assert found.values == ("402535311011",)


@pytest.mark.parametrize(
    ("question", "near"),
    [
        ("云梦农商行兴发支行的行号", "湖北大悟农村商业银行股份有限公司兴发支行"),
        ("安陆农商南门支行", "湖北孝感农村商业银行股份有限公司南门支行"),
    ],
)
def test_a_branch_of_another_place_is_unknown_and_shown(
    question: str, near: str, branches: FactIndex
) -> None:
    found = ask(branches, question)
    assert (found.status, found.values) == ("unknown", ())
    assert found.alternatives[0].entry.key == near and near in found.answer


@pytest.mark.parametrize(
    "question", ["孝感那边，湖北省安陆农商行烟店支行", "在大悟上班，安陆农商行烟店支行的行号"]
)
def test_a_wider_place_beside_the_own_one_is_no_contradiction(
    question: str, branches: FactIndex
) -> None:
    assert ask(branches, question).values == ("402535311011",)


@pytest.mark.parametrize(
    "question",
    ["大悟农商行兴发支行周日开门吗", "what time does 大悟农商行兴发支行 open on Saturday"],
)
def test_what_the_table_lacks_is_said_even_of_a_known_name(
    question: str, branches: FactIndex
) -> None:
    found = ask(branches, question)
    assert (found.intent, found.values) == ("lacking", ())


def test_a_day_in_a_question_for_the_value_is_chatter(branches: FactIndex) -> None:
    found = ask(branches, "周末要打款，大悟农商行兴发支行的联行号")
    assert found.values == ("402535510938",)


def test_a_column_is_asked_for_by_its_own_name(cache: Path) -> None:
    table = cache / "owners.csv"
    table.write_text("name,code,OwnerId\nHill,A-1,X-9\nMill,A-2,X-8\n", encoding="utf-8")
    index = open_index(str(table), cache_folder=cache)
    assert ask(index, "Hill的OwnerId是哪个").values == ("X-9",)


@pytest.mark.parametrize(
    "question", ["ICBC知春路支行", "icbc 知春路 branch", "工行(ICBC)知春路支行"]
)
def test_abbreviations_in_letters_are_banks(question: str, branches: FactIndex) -> None:
    assert ask(branches, question).values == ("102100020794",)


def test_another_bank_in_letters_is_another_bank(branches: FactIndex) -> None:
    assert ask(branches, "CCB知春路支行").values == ()


def test_a_name_written_by_ear_is_found(branches: FactIndex) -> None:
    assert ask(branches, "大悟农商行星法支行").values == ("402535510938",)  # 兴发
    assert ask(branches, "大悟农商行法星支行").values == ()  # the other way round it is not that
