"""Tables of facts: columns found, codes checked, faults named by line."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huohou.data.facts import check_digit, read_facts, verifies
from huohou.errors import DataError, UsageError

SHARED = Path(__file__).parents[3] / "shared" / "data" / "bank_codes"
EXCERPT = SHARED / "gweesin__CNAPS" / "cnaps_excerpt_beijing_icbc_xiaogan_rcb.csv"
EXAMPLE = Path(__file__).parents[2] / "examples" / "bank_codes" / "branches.csv"
CODES = ("402535510938", "102100020794", "102100000021")


def table(path: Path, text: str) -> Path:
    file = path / "table.csv"
    file.write_text(text, "utf-8")
    return file


def test_example_has_240_branches_with_right_check_digits() -> None:
    found = read_facts(EXAMPLE)
    assert (found.key_column, found.value_column) == ("name", "code")
    assert len(found) == 240
    assert found.bank_codes
    assert all(len(fact.value) == 12 and verifies(fact.value) for fact in found.facts)
    assert len({fact.key for fact in found.facts}) == len({f.value for f in found.facts}) == 240
    institutions = [fact.key.startswith("中国工商银行") for fact in found.facts]
    assert institutions.count(True) == institutions.count(False) == 120
    assert {"402535510938", "102100020794"} <= {fact.value for fact in found.facts}
    assert all(fact.city for fact in found.facts)


@pytest.mark.skipif(not EXCERPT.is_file(), reason="needs ../shared/data/bank_codes")
def test_source_of_the_example() -> None:
    found = read_facts(EXCERPT)
    assert (found.key_column, found.value_column, len(found)) == ("LName", "BankCode", 428)
    assert found.bank_codes
    assert not found.bad_digits
    source = {fact.key: fact.value for fact in found.facts}
    assert all(source[fact.key] == fact.value for fact in read_facts(EXAMPLE).facts)


@pytest.mark.parametrize("code", [*CODES, "313164400027", "999999999994"])
def test_check_digit_by_the_standards_recursion(code: str) -> None:
    # ISO 7064 states the condition the other way round: the last product plus the check digit is
    # 1 modulo 10. Written out here independently of the code under test.
    product = 10
    for digit in code[:-1]:
        total = (product + int(digit)) % 10
        product = (2 * (total if total else 10)) % 11
    assert verifies(code) == ((product + int(code[-1])) % 10 == 1)
    assert verifies(code) == (code in CODES)


@given(st.text("0123456789", min_size=1, max_size=20), st.integers(0, 19), st.integers(1, 9))
def test_every_single_wrong_digit_is_found(digits: str, at: int, by: int) -> None:
    code = digits + str(check_digit(digits))
    assert verifies(code)
    at %= len(code)
    wrong = code[:at] + str((int(code[at]) + by) % 10) + code[at + 1 :]
    assert not verifies(wrong)


def test_codes_are_not_just_any_text() -> None:
    assert not any(verifies(text) for text in ("", "4", "abc", "４０２５３５５１０９３８"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_and_further_columns(delimiter: str, tmp_path: Path) -> None:
    lines = ["city,name,code", "大悟县, 兴发支行　,402535510938", "北京市,知春路支行,102100020794"]
    found = read_facts(table(tmp_path, "\n".join(lines).replace(",", delimiter)))
    assert [(f.key, f.value, f.line) for f in found.facts] == [
        ("兴发支行", "402535510938", 2),
        ("知春路支行", "102100020794", 3),
    ]
    assert found.facts[0].columns == {"city": "大悟县"}
    assert found.facts[0].city == "大悟县"


def test_columns_without_codes_are_first_and_second(tmp_path: Path) -> None:
    found = read_facts(table(tmp_path, "country,capital,people\nPeru,Lima,34\nChad,N'Djamena,20\n"))
    assert (found.key_column, found.value_column, found.digits) == ("country", "capital", None)
    assert found.notes == (
        "Names: column country (guessed).",
        "Values: column capital (guessed).",
    )
    chosen = read_facts(table(tmp_path, "a,b\nx,y\n"), key="b", value="a")
    assert (chosen.facts[0].key, chosen.facts[0].value, chosen.notes) == ("y", "x", ())


def test_a_code_with_eleven_digits_is_named(tmp_path: Path) -> None:
    text = f"name,code\na,{CODES[0]}\nb,40253551093\nc,{CODES[1]}\n"
    with pytest.raises(DataError) as caught:
        read_facts(table(tmp_path, text))
    assert "table.csv:3" in str(caught.value)
    assert "'40253551093' has 11 digits, 12 are wanted" in str(caught.value)


def test_eleven_digits_throughout_are_an_error_unless_meant(tmp_path: Path) -> None:
    file = table(tmp_path, "name,code\na,40253551093\nb,10210002079\n")
    with pytest.raises(DataError, match=r"table\.csv:2"):
        read_facts(file)
    assert read_facts(file, digits=11).digits == 11


def test_codes_changed_by_a_spreadsheet(tmp_path: Path) -> None:
    text = f"name,code\na,{CODES[0]}\nb,1.021E+11\nc,{CODES[1]}\n"
    with pytest.raises(DataError, match=r"table.csv:3: code is '1.021E\+11'"):
        read_facts(table(tmp_path, text))
    assert read_facts(table(tmp_path, text), digits=0).digits is None


def test_one_wrong_check_digit_among_many_is_reported(tmp_path: Path) -> None:
    rows = [f"n{i},{i:011}{check_digit(f'{i:011}')}" for i in range(20)]
    rows[6] = rows[6][:-1] + str((int(rows[6][-1]) + 1) % 10)
    found = read_facts(table(tmp_path, "name,code\n" + "\n".join(rows)))
    assert found.bad_digits == ((8, rows[6].split(",")[1]),)
    random_codes = [f"n{i},{i:012}" for i in range(100, 200)]
    found = read_facts(table(tmp_path, "name,code\n" + "\n".join(random_codes)))
    assert (found.check_digits, found.bad_digits, found.bank_codes) == (False, (), False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,code\na,1\n,2\n", "table.csv:3: name is empty"),
        ("name,code\na,1\nb, \n", "table.csv:3: code is empty"),
        ("name,code\n", "there is no row"),
        ("", "there is no row"),
        ("name\na\n", "only one column"),
    ],
)
def test_faults(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_facts(table(tmp_path, text))


def test_wrong_column_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Nearest: code"):
        read_facts(table(tmp_path, "name,code\na,1\n"), value="Code")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "bank.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute('CREATE TABLE "odd name" (name TEXT, code INTEGER, opened DATE)')
        rows = [("兴发支行", 402535510938, "not a date"), ("知春路支行", 102100020794, None)]
        connection.executemany('INSERT INTO "odd name" VALUES (?, ?, ?)', rows)
        connection.commit()
    yield path


def test_sqlite(database: Path) -> None:
    for source in (f"{database}:odd name", str(database)):
        found = read_facts(source)
        assert [f.value for f in found.facts] == ["402535510938", "102100020794"]
        assert [dict(f.columns) for f in found.facts] == [{"opened": "not a date"}, {"opened": ""}]


def test_sqlite_faults(database: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="with one of: odd name"):
        read_facts(f"{database}:nothing")
    with pytest.raises(UsageError, match="with one of: odd name"):
        read_facts(f"{database}:x' OR 1=1")
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"SQLite format 3\0" + b"x" * 200)
    with pytest.raises(DataError, match="SQLite cannot read it"):
        read_facts(broken)
    csv = table(tmp_path, "name,code\na,1\n")
    with pytest.raises(DataError, match="is no SQLite file"):
        read_facts(f"{csv}:branches")
    with pytest.raises(DataError, match="no such file"):
        read_facts(tmp_path / "none.db:branches")
    with pytest.raises(DataError, match="is a folder"):
        read_facts(tmp_path)
