"""A sheet of an Excel file (.xlsx) as a table of cells, every cell as text.

Numbers stay marked as ``Number``: a spreadsheet keeps them without leading zeros and with 15 digits
at most, which whoever reads codes from them has to know.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from huohou.errors import DataError, UsageError

OLD_EXCEL = b"\xd0\xcf\x11\xe0"  # first bytes of .xls, and of an .xlsx with a password
ZIP = b"PK\x03\x04"
SUFFIXES = (".xlsx", ".xlsm")
EXACT_DIGITS = 15  # of a number in a spreadsheet; all further ones are lost


class Number(str):
    """The text of a cell that its file holds as a number: leading zeros may be lost."""

    __slots__ = ()


def read_sheet(path: Path, sheet: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header and rows with their line in the sheet; the only sheet that holds cells when unnamed.

    Raises DataError for what is no workbook, a header with gaps or repeated names, UsageError for
    a sheet that is not there or not named.
    """
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions, which nobody reads here
            with closing(load_workbook(path, read_only=True, data_only=True)) as book:
                held = _sheets(book)
                lines = list(_lines(held[_which(path, sheet, held)]))
    except (BadZipFile, InvalidFileException, KeyError, ValueError, TypeError, OSError) as error:
        raise DataError("data.broken_xlsx", path=path, problem=error) from error
    except SyntaxError as error:  # how Python's and lxml's parsers call broken XML
        raise DataError("data.broken_xlsx", path=path, problem=error.msg) from error
    return _table(path, lines)


def _sheets(book: Any) -> dict[str, Any]:
    """Sheets of cells by name (a workbook also has sheets that are charts)."""
    return {one.title: one for one in book.worksheets}


def _which(path: Path, sheet: str, held: dict[str, Any]) -> str:
    if sheet in held:
        return sheet
    filled = [name for name, one in held.items() if next(_lines(one), None)]
    if not sheet and len(filled) == 1:
        return filled[0]
    raise UsageError(
        "data.no_sheet", path=path, sheet=sheet or "-", known=", ".join(filled or held) or "-"
    )


def _lines(sheet: Any) -> Iterator[tuple[int, list[str]]]:
    """Rows with a cell in them, and their numbers."""
    sheet.reset_dimensions()  # which some programs write wrongly
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells = [_text(cell) for cell in row]
        if any(cell.strip() for cell in cells):
            yield number, cells


def _text(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return _number(value, str(cell.number_format))
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _number(value: float, shown_as: str) -> str:
    """As it is shown where its format is all zeros (00000000), else as it is held."""
    if abs(value) >= 10**EXACT_DIGITS:
        return Number(f"{value:.{EXACT_DIGITS - 1}E}")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    if isinstance(value, int) and value >= 0 and shown_as and not shown_as.strip("0"):
        return text.zfill(len(shown_as))
    return Number(text)


def _table(
    path: Path, lines: Sequence[tuple[int, list[str]]]
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    if not lines:
        return [], []
    first, header = lines[0]
    names = [name.strip() for name in header]
    width = max((i for i, name in enumerate(names, 1) if name), default=0)
    names = names[:width]
    if "" in names or len(set(names)) < len(names):
        raise DataError("data.csv_header", where=f"{path}:{first}", names=", ".join(names))
    rows: list[tuple[int, list[str]]] = []
    for number, cells in lines[1:]:
        beyond = [cell for cell in cells[width:] if cell.strip()]
        if beyond:
            raise DataError(
                "data.csv_width", where=f"{path}:{number}", cells=len(cells), columns=width
            )
        rows.append((number, [*cells[:width], *[""] * (width - len(cells))]))
    return names, rows
