"""A table of facts: what has a name and a value that must not be invented.

From a CSV file with a header (any common delimiter), a sheet of an Excel file (``file.xlsx:sheet``)
or a table of an SQLite file (``file.db:table``). The columns of names and of values are chosen, or
guessed and said. Codes that a spreadsheet turned into numbers are restored where that is exact.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from huohou.data.codes import Rounded, digits_of, plain_digits, restored
from huohou.data.tables import Rows, read_table
from huohou.errors import DataError, UsageError
from huohou.text import say

KEY_NAMES = ("name", "lname", "bankname", "branch", "名称", "银行名称", "支行名称", "全称", "行名")
VALUE_NAMES = ("code", "bankcode", "cnaps", "cnapscode", "联行号", "行号", "银行代码", "代码")
CITY_NAMES = ("city", "cityname", "城市", "所在城市", "地区")
BANK_DIGITS = 12  # of a CNAPS code
CODE_SHARE = 0.5  # a column is one of codes when this part of it is digits of one length
CODE_DIGITS = 6  # shorter numbers are counts and years, not codes
CHECKED_SHARE = 0.9  # a tenth of random codes would pass a check digit; this many cannot


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of the table: its name, its value, where it stands, and its other columns."""

    key: str
    value: str
    line: int
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def city(self) -> str:
        """Its city where a column of that name says so, else empty."""
        column = city_column(self.columns)
        return self.columns[column] if column else ""


@dataclass(frozen=True, slots=True)
class FactTable:
    """Facts with the columns they were taken from.

    digits: length of the codes, None where the values are no codes; check_digits: whether the
    codes carry an ISO 7064 MOD 11,10 check digit; bad_digits: line and code where the check
    digit is wrong although nearly all others' are right; notes: what was guessed, in words;
    header: all columns in the table's order.
    """

    source: str
    key_column: str
    value_column: str
    facts: tuple[Fact, ...]
    digits: int | None = None
    check_digits: bool = False
    bad_digits: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()
    header: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, the table's order where it is known."""
        others = tuple(self.facts[0].columns) if self.facts else ()
        return self.header or (self.key_column, self.value_column, *others)

    @property
    def bank_codes(self) -> bool:
        """Whether the values are CNAPS codes: 12 digits with the check digit."""
        return self.digits == BANK_DIGITS and self.check_digits

    def __len__(self) -> int:
        return len(self.facts)


def city_column(columns: Iterable[str]) -> str | None:
    """The column that says in which city something is, by its name."""
    return next((name for name in columns if _plain(name) in CITY_NAMES), None)


def check_digit(digits: str) -> int:
    """The digit that ISO 7064 MOD 11,10 puts after these.

    Source: ISO/IEC 7064:2003, hybrid system MOD 11,10. For CNAPS codes it stands over the first
    11 digits.

    >>> check_digit("10210002079")
    4
    """
    rest = 10
    for digit in digits:
        rest = ((rest + int(digit)) % 10 or 10) * 2 % 11
    return (11 - rest) % 10


def verifies(code: str) -> bool:
    """Whether the last digit of a code is the check digit of the others.

    >>> verifies("402535510938"), verifies("313164400027"), verifies("402535510939")
    (True, False, False)
    """
    return len(code) > 1 and _digits(code) and check_digit(code[:-1]) == int(code[-1])


def plain_code(text: str) -> str:
    """A code as it is compared: no blanks, dashes and dots, one width, one case.

    >>> plain_code(" ４０２５-3551 0938 ")
    '402535510938'
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(one for one in folded if one.isalnum())


def read_facts(
    source: str | Path, key: str | None = None, value: str | None = None, digits: int | None = None
) -> FactTable:
    """The facts of a CSV file, of ``file.xlsx:sheet`` or of ``file.db:table``.

    key, value: columns of names and values, guessed when None; digits: the length every code must
    have, by default what most have, 0 for any and as it stands there. Raises DataError with the
    line for a missing name or value, for a code of another length and for one that was rounded,
    UsageError for an unknown column.
    """
    header, rows = read_table(str(source))
    if not rows:
        raise DataError("data.empty", path=source)
    if len(header) < 2:
        raise DataError("data.one_column", path=source, column=header[0])
    columns = {name: [plain_digits(row[name]) for _, row in rows] for name in header}
    value_column = _chosen(value, header, source) or _guess_value(columns, key)
    key_column = _chosen(key, header, source) or _guess_key(columns, value_column)
    repaired = _repair(str(source), rows, value_column, digits)
    facts = tuple(_fact(source, line, row, key_column, value_column) for line, row in rows)
    length = _check_lengths(str(source), value_column, facts, digits)
    failed = [(fact.line, fact.value) for fact in facts if length and not verifies(fact.value)]
    checked = bool(length) and len(failed) <= len(facts) * (1 - CHECKED_SHARE)
    guessed = [
        say("data.guessed_column", what=say(f"data.{what}_column"), column=column)
        for what, given, column in (("key", key, key_column), ("value", value, value_column))
        if given is None
    ]
    return FactTable(
        str(source),
        key_column,
        value_column,
        facts,
        length,
        checked,
        tuple(failed) if checked else (),
        (*guessed, *repaired, *_doubles(facts, key_column, value_column, bool(length))),
        tuple(header),
    )


def _repair(source: str, rows: Rows, column: str, digits: int | None) -> list[str]:
    """Put codes back as they were before a spreadsheet had them, in place; notes of what was done.

    Raises DataError for a code of which digits are lost.
    """
    cells = [row[column] for _, row in rows]
    plain = [plain_digits(cell) for cell in cells]
    length = _code_length(plain) if digits is None else digits
    if not length:
        return []
    expected = _expected(length, digits)
    if plain == cells and all(len(one) == expected for one in plain):
        return []
    for line, row in rows:
        found = digits_of(row[column])
        if isinstance(found, Rounded):
            raise DataError(
                "data.code_rounded",
                where=f"{source}:{line}",
                column=column,
                value=row[column],
                kept=found.kept,
                whole=found.whole,
            )
    full = [one for one in plain if len(one) == expected]
    checked = sum(map(verifies, full)) >= max(1, len(full) * CHECKED_SHARE)
    lines = [line for line, _ in rows]
    found_codes = restored(cells, lines, expected, verifies if checked else None)
    for (_, row), cell in zip(rows, found_codes.cells, strict=True):
        row[column] = cell
    return found_codes.notes


def _doubles(facts: Sequence[Fact], key: str, value: str, codes: bool) -> list[str]:
    """Rows that are there twice, names with several values, codes with several names: in words."""
    rows = Counter((fact.key, fact.value, *fact.columns.values()) for fact in facts)
    pairs = dict.fromkeys((fact.key, fact.value) for fact in facts)
    names, values = (Counter(pair[i] for pair in pairs) for i in (0, 1))
    notes: list[str] = []
    for note, column, several in (
        ("data.rows_twice", key, [row[0] for row, count in rows.items() if count > 1]),
        ("data.names_with_several", key, [one for one, count in names.items() if count > 1]),
        ("data.values_with_several", value, [one for one, count in values.items() if count > 1]),
    ):
        if several and (codes or column == key):
            notes.append(say(note, count=len(several), column=column, example=several[0]))
    return notes


def _fact(source: str | Path, line: int, row: Mapping[str, str], key: str, value: str) -> Fact:
    for column in (key, value):
        if not row[column].strip():
            raise DataError("data.fact_without", where=f"{source}:{line}", column=column)
    others = {name: cell.strip() for name, cell in row.items() if name not in (key, value)}
    return Fact(row[key].strip(), row[value].strip(), line, others)


def _chosen(name: str | None, header: Sequence[str], source: str | Path) -> str | None:
    if name is None or name in header:
        return name
    near = get_close_matches(name, header, n=1, cutoff=0)
    raise UsageError(
        "data.no_column", path=source, column=name, near=near[0], known=", ".join(header)
    )


def _guess_value(columns: Mapping[str, Sequence[str]], key: str | None) -> str:
    """A column with a known name, else the codes with the most distinct values, else the next."""
    others = {name: cells for name, cells in columns.items() if name != key}
    named = _by_name(others, VALUE_NAMES)
    if named:
        return named
    codes = [name for name, cells in others.items() if _code_length(cells)]
    if codes:
        return max(codes, key=lambda name: len(set(others[name])))
    return list(others)[0 if key else 1]


def _guess_key(columns: Mapping[str, Sequence[str]], value: str) -> str:
    """A column with a known name, else the one with the most distinct cells that are no codes."""
    others = {name: cells for name, cells in columns.items() if name != value}
    named = _by_name(others, KEY_NAMES)
    if named and len(set(others[named])) * 2 > len(others[named]):
        return named
    return max(others, key=lambda name: (not _code_length(others[name]), len(set(others[name]))))


def _by_name(columns: Mapping[str, Sequence[str]], wanted: Sequence[str]) -> str | None:
    plain = {_plain(name): name for name in reversed(list(columns))}
    return next((plain[name] for name in wanted if name in plain), None)


def _plain(column: str) -> str:
    return column.lower().replace("_", "").replace(" ", "")


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _code_length(cells: Sequence[str]) -> int | None:
    """The length nearly all cells share if they are codes, else None."""
    if not cells:
        return None
    lengths = Counter(len(cell) for cell in cells if _digits(cell))
    length, count = max(lengths.items(), key=lambda pair: pair[1], default=(0, 0))
    return length if length >= CODE_DIGITS and count >= CODE_SHARE * len(cells) else None


def _expected(length: int, digits: int | None) -> int:
    """Eleven digits throughout are CNAPS codes that have lost one, unless the user says so."""
    return BANK_DIGITS if length == BANK_DIGITS - 1 and digits is None else length


def _check_lengths(
    source: str, column: str, facts: Sequence[Fact], digits: int | None
) -> int | None:
    values = [fact.value for fact in facts]
    length = _code_length(values) if digits is None else digits
    if not length:
        return None
    expected = _expected(length, digits)
    for fact in facts:
        if not _digits(fact.value):
            raise DataError(
                "data.code_not_digits",
                where=f"{source}:{fact.line}",
                column=column,
                value=fact.value,
            )
        if len(fact.value) != expected:
            raise DataError(
                "data.code_length",
                where=f"{source}:{fact.line}",
                column=column,
                value=fact.value,
                found=len(fact.value),
                expected=expected,
            )
    return expected
