"""Tables from spreadsheets: sheets found, codes restored where that is exact, refused where not."""

import csv
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from huohou.data.codes import Rounded, digits_of, plain_digits
from huohou.data.facts import check_digit, read_facts
from huohou.errors import DataError, UsageError

NAMES = ("兴发支行", "知春路支行", "新华支行")
CODES = ("402535510938", "102100020794", "102100000021")


def workbook(path: Path, rows: Sequence[Sequence[object]], **formats: str) -> Path:
    book = Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(list(row))
    for cell, shown_as in formats.items():
        sheet[cell].number_format = shown_as
    book.save(path)
    return path


def table(path: Path, *codes: str) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("name", "code"), *zip(NAMES, codes, strict=False)])
    return path


def with_check(digits: str) -> str:
    return digits + str(check_digit(digits))


def test_codes_as_text_and_as_numbers_are_the_same(tmp_path: Path) -> None:
    head = ("name", "code", "opened")
    rows = [(name, code, 1998) for name, code in zip(NAMES, CODES, strict=True)]
    text = read_facts(workbook(tmp_path / "text.xlsx", [head, *rows]))
    numbers = [(name, int(code), year) for name, code, year in rows]
    floats = [(name, float(code), year) for name, code, year in rows]
    for at, held in enumerate((numbers, floats)):
        found = read_facts(workbook(tmp_path / f"{at}.xlsx", [head, *held]))
        assert [(f.key, f.value, f.line) for f in found.facts] == [
            (f.key, f.value, f.line) for f in text.facts
        ]
        assert found.bank_codes
    assert [fact.line for fact in text.facts] == [2, 3, 4]
    assert text.header == head
    assert text.facts[0].columns == {"opened": "1998"}


def test_sheet_by_name_and_the_only_one(tmp_path: Path) -> None:
    book = Workbook()
    book.active.title = "notes"
    sheet = book.create_sheet("支行")
    sheet.append([])
    sheet.append(["name", "code", None])
    sheet.append([])
    sheet.append(["兴发支行", CODES[0]])
    path = tmp_path / "two.xlsx"
    book.save(path)
    found = read_facts(path)  # the other sheet is empty
    assert [(f.key, f.value, f.line) for f in found.facts] == [("兴发支行", CODES[0], 4)]
    assert read_facts(f"{path}:支行").facts == found.facts
    with pytest.raises(UsageError, match=r"no sheet 'branches'.*支行"):
        read_facts(f"{path}:branches")
    book["notes"].append(["now", "there", "are", "two"])
    book.save(path)
    with pytest.raises(UsageError, match="notes, 支行"):
        read_facts(path)


def test_leading_zeros_of_numbers(tmp_path: Path) -> None:
    codes = [with_check(f"{zeros}{at:09}") for at, zeros in enumerate(["40", "00", "10", "11"], 7)]
    rows = [("name", "code"), *((f"n{i}", int(code)) for i, code in enumerate(codes))]
    found = read_facts(workbook(tmp_path / "zeros.xlsx", rows))
    assert [fact.value for fact in found.facts] == codes
    short = codes[1].lstrip("0")
    assert any(f"{short} is {codes[1]}" in note and "1 codes" in note for note in found.notes)
    shown = [("name", "code"), *((f"n{i}", i) for i in range(4))]
    formats = {f"B{i}": "000000" for i in range(2, 6)}
    found = read_facts(workbook(tmp_path / "shown.xlsx", shown, **formats))
    assert [fact.value for fact in found.facts] == ["000000", "000001", "000002", "000003"]


def test_leading_zeros_of_texts_need_the_check_digit(tmp_path: Path) -> None:
    code = with_check("00110000123")
    found = read_facts(table(tmp_path / "a.csv", CODES[0], code.lstrip("0"), CODES[1]))
    assert found.facts[1].value == code
    wrong = str((int(code[-1]) + 1) % 10)
    with pytest.raises(DataError, match=r"b\.csv:3: code .* 12 are wanted"):
        read_facts(table(tmp_path / "b.csv", CODES[0], code.lstrip("0")[:-1] + wrong, CODES[1]))
    # Begins as another code of the table does: the last digit may be what is lost.
    cut = next(c for n in range(1000) if with_check(f"0{(c := f'40253{n:06}')}"[:11])[1:] == c)
    with pytest.raises(DataError, match=r"c\.csv:3"):
        read_facts(table(tmp_path / "c.csv", CODES[0], cut, CODES[1]))


@pytest.mark.parametrize(
    "written",
    [
        *("402535510938.0", "4.02535510938E+11", "4,02535510938E+11", "402535510938.00"),
        *("402535510938,0", "'402535510938", '="402535510938"', "４０２５３５５１０９３８"),
        " 402535510938\u3000",
    ],
)
def test_numbers_of_a_csv_are_restored_and_counted(written: str, tmp_path: Path) -> None:
    found = read_facts(table(tmp_path / "t.csv", CODES[2], written, CODES[1]))
    assert [fact.value for fact in found.facts] == [CODES[2], CODES[0], CODES[1]]
    assert found.bank_codes
    told = [note for note in found.notes if "restored" in note]
    assert len(told) == (written.strip() != CODES[0])
    assert all("1 codes" in note and "line 3" in note for note in told)


@pytest.mark.parametrize("written", ["4.0253551E+11", "4.025E+11", "4E+11", "4.02535510938E+12"])
def test_rounded_codes_are_refused_with_their_line(written: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t\.csv:3: code is '4") as caught:
        read_facts(table(tmp_path / "t.csv", CODES[2], written, CODES[1]))
    assert "digits are left" in str(caught.value)
    found = read_facts(table(tmp_path / "t.csv", CODES[2], written, CODES[1]), digits=0)
    assert [fact.value for fact in found.facts] == [CODES[2], written, CODES[1]]


def test_a_number_too_long_for_a_spreadsheet_is_refused(tmp_path: Path) -> None:
    rows = [("name", "code"), ("a", 123456789012345678), ("b", 223456789012345678)]
    with pytest.raises(DataError, match="15 of 18 digits are left"):
        read_facts(workbook(tmp_path / "long.xlsx", rows), digits=18)


@given(st.integers(0, 10**12 - 1), st.sampled_from(["{}", "{}.0", "{}.000", "'{}", '="{}"']))
def test_no_digit_changes(number: int, shape: str) -> None:
    digits = f"{number:012}"
    assert plain_digits(shape.format(digits)) == digits


@given(st.integers(10**11, 10**12 - 1), st.integers(0, 11))
def test_powers_of_ten_are_exact_or_refused(number: int, kept: int) -> None:
    written = f"{number:.{kept}E}"
    found = digits_of(written)
    if kept == 11:
        assert found == str(number)
    else:
        assert isinstance(found, Rounded)


def test_columns_that_are_no_codes_stay(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("item,price\nPen,1.50\nInk,402.0\nDesk,1.2E+3\n", "utf-8")
    found = read_facts(path)
    assert [fact.value for fact in found.facts] == ["1.50", "402.0", "1.2E+3"]
    assert not [note for note in found.notes if "restored" in note]


def test_whatever_is_twice_is_kept_and_told(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    a, b, c = CODES
    path.write_text(f"name,code\nx,{a}\nx,{a}\ny,{b}\ny,{c}\nz,{c}\n", "utf-8")
    found = read_facts(path)
    assert [fact.value for fact in found.facts] == [a, a, b, c, c]
    told = "\n".join(found.notes)
    assert "1 rows are there more than once; all are kept (name 'x')" in told
    assert "1 names have more than one value; all are kept (name 'y')" in told
    assert f"1 values have more than one name; all are kept (code '{c}')" in told


def test_integers_of_sqlite_are_numbers_too(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    code = with_check("00110000123")
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("CREATE TABLE t (name TEXT, code INTEGER)")
        rows = [(str(i), int(c)) for i, c in enumerate((*CODES, code))]
        base.executemany("INSERT INTO t VALUES (?, ?)", rows)
    assert [fact.value for fact in read_facts(path).facts] == [*CODES, code]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04 not really", "cannot be read as an Excel workbook"),
        (b"", "cannot be read as an Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, "old Excel file"),
    ],
)
def test_files_that_are_no_workbooks(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.xlsx"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_facts(path)


def test_headers_and_rows_of_another_width(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="header"):
        read_facts(workbook(tmp_path / "a.xlsx", [("name", None, "code"), ("x", 1, 2)]))
    with pytest.raises(DataError, match=r"b\.xlsx:2"):
        read_facts(workbook(tmp_path / "b.xlsx", [("name", "code"), ("x", "y", "z")]))
    with pytest.raises(DataError, match="there is no row"):
        read_facts(workbook(tmp_path / "c.xlsx", [("name", "code")]))
