"""Files of rows: JSONL, JSON, CSV and Parquet, down to one dict a row with its number.

Nothing here knows what the columns mean; that is the formats' business. Every fault of a file is a
DataError that says which file, which line, and what to do about it.
"""

import codecs
import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from huohou.data.dataset import place
from huohou.errors import DataError, MissingExtraError

Record = tuple[int, dict[str, Any]]  # 1-based line or element number, columns

MARKS = (  # UTF-32 first: its little-endian mark begins with UTF-16's
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
DELIMITERS = ",;\t|"


def read_records(path: Path) -> list[Record]:
    """Rows of a file by its suffix. Raises DataError for whatever cannot be read."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        check_file(path)
        raise DataError("data.unknown_suffix", path=path, known=" ".join(READERS))
    return [_checked(path, number, row) for number, row in reader(path)]


def check_file(path: Path) -> None:
    """Raises DataError when there is no such file or it is a folder."""
    if path.is_dir():
        raise DataError("data.is_folder", path=path)
    if not path.exists():
        raise DataError("data.missing_file", path=path)


def read_text(path: Path) -> str:
    """The file as text: UTF-8 with or without a byte order mark, line ends as they are.

    Raises DataError for a missing file and for any other encoding, with how to convert it.
    """
    check_file(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError("data.unreadable", path=path, problem=error.strerror) from error
    for mark, name in MARKS:
        if raw.startswith(mark):
            raise DataError("data.encoding", path=path, line=1, found=name)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _wrong_encoding(path, line, raw) from error
    if "\0" in text:
        raise _wrong_encoding(path, text.count("\n", 0, text.index("\0")) + 1, raw)
    return text


def _wrong_encoding(path: Path, line: int, raw: bytes) -> DataError:
    if raw[1::2].count(0) > len(raw) // 4 or raw[0::2].count(0) > len(raw) // 4:
        return DataError("data.encoding", path=path, line=line, found="UTF-16")
    try:
        text = raw.decode("gb18030")
    except UnicodeDecodeError:
        return DataError("data.not_text", path=path, line=line)
    beyond_ascii = [c for c in text if c > "\x7f"]
    chinese = sum("\u4e00" <= c <= "\u9fff" or "\u3000" <= c <= "\u303f" for c in beyond_ascii)
    if chinese * 2 > len(beyond_ascii):
        return DataError("data.encoding", path=path, line=line, found="GB18030")
    return DataError("data.not_text", path=path, line=line)


def parse_json(text: str, where: str) -> Any:
    """JSON with every fault as a DataError (also numbers too long and nesting too deep)."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(
            "data.broken_json", where=where, problem=error.msg, column=error.colno
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError("data.broken_json", where=where, problem=error, column=1) from error


def csv_table(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Header and rows of a CSV file with a header line; the delimiter is found out.

    Raises DataError for a header with empty or repeated names and for rows of another width.
    """
    text = read_text(path)
    first = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    rows: list[tuple[int, dict[str, str]]] = []
    for line, cells in _csv_lines(reader, path):
        if not header:
            header = _header([cell.strip() for cell in cells], path, line)
        elif len(cells) != len(header):
            raise DataError(
                "data.csv_width", where=place(path, line), cells=len(cells), columns=len(header)
            )
        else:
            rows.append((line, dict(zip(header, cells, strict=True))))
    return header, rows


def _csv_lines(reader: Any, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Non-empty records with the line they begin on."""
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError("data.broken_csv", where=place(path, line), problem=error) from error


def _header(names: list[str], path: Path, line: int) -> list[str]:
    if "" in names or len(set(names)) < len(names):
        raise DataError("data.csv_header", where=place(path, line), names=", ".join(names))
    return names


def _read_jsonl(path: Path) -> Iterator[tuple[int, Any]]:
    text = read_text(path)
    if text.lstrip().startswith("["):
        raise DataError("data.jsonl_is_list", path=path)
    # Split at line feeds only: U+2028 and its kin may stand inside a JSON string.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, parse_json(line, place(path, number))


def _read_json(path: Path) -> Iterator[tuple[int, Any]]:
    text = read_text(path)
    if not text.strip():
        return
    if _is_jsonl(text):
        yield from _read_jsonl(path)
        return
    document = _parse_document(text, path)
    if isinstance(document, Mapping) and isinstance(document.get("data"), list):
        document = _flat_squad(document["data"])
    if not isinstance(document, list):
        raise DataError("data.json_not_list", path=path)
    yield from enumerate(document, 1)


def _parse_document(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{path}:{error.lineno}"
        raise DataError(
            "data.broken_json", where=where, problem=error.msg, column=error.colno
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError("data.broken_json", where=path, problem=error, column=1) from error


def _is_jsonl(text: str) -> bool:
    """Whether a .json file is in truth one object a line (many are)."""
    first, _, rest = text.strip().partition("\n")
    if not rest.strip().startswith("{"):
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _flat_squad(articles: list[Any]) -> list[Any]:
    """SQuAD's nested JSON as flat rows; anything else comes back as it is."""
    if not all(isinstance(a, Mapping) and isinstance(a.get("paragraphs"), list) for a in articles):
        return articles
    return [
        {"title": article.get("title", ""), "context": paragraph.get("context"), **question}
        for article in articles
        for paragraph in article["paragraphs"]
        if isinstance(paragraph, Mapping)
        for question in paragraph.get("qas") or []
        if isinstance(question, Mapping)
    ]


def _read_csv(path: Path) -> Iterator[tuple[int, Any]]:
    yield from csv_table(path)[1]


def _read_parquet(path: Path) -> Iterator[tuple[int, Any]]:
    check_file(path)
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("data.needs_pyarrow", path=path, extra="train") from error
    try:
        table = pyarrow.parquet.read_table(path)
        rows = table.to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        problem = str(error).split("\n", 1)[0]
        raise DataError("data.broken_parquet", path=path, problem=problem) from error
    yield from enumerate(rows, 1)


def _checked(path: Path, number: int, row: Any) -> Record:
    if not isinstance(row, Mapping):
        raise DataError("data.row_not_object", where=place(path, number), found=type(row).__name__)
    return number, {str(key): value for key, value in row.items()}


READERS: dict[str, Callable[[Path], Iterator[tuple[int, Any]]]] = {
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".json": _read_json,
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".parquet": _read_parquet,
}
