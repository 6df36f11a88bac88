"""A log in pages: whole lines from the end, a search through it, and never all of it at once."""

from io import FileIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huohou.jobs import logs

LINES = st.lists(st.text("ab\t好x", max_size=30), max_size=40)


@settings(max_examples=60)
@given(LINES, st.integers(1, 60), st.booleans())
def test_all_pages_are_the_log(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], size: int, torn: bool
) -> None:
    path = tmp_path_factory.mktemp("log") / "train.log"
    path.write_text("".join(f"{line}\n" for line in lines) + "half" * torn, encoding="utf-8")
    longest = max((len(line.encode()) + 1 for line in lines), default=1)
    page = logs.page(path, None, size + longest + 4)
    assert page.partial == "half" * torn
    found = list(page.lines)
    assert page.size == path.stat().st_size
    while page.begin:
        page = logs.page(path, page.begin, size + longest)
        assert page.partial == ""
        found = page.lines + found
    assert found == lines


@settings(max_examples=60)
@given(LINES, st.sampled_from(["a", "b", "好", "ab", "none"]), st.integers(8, 60))
def test_a_search_finds_each_line_that_has_it(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], text: str, block: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "train.log"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    data = path.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "_BLOCK", max(block // 16, 1))
        patch.setattr(logs, "_FOUND", 3)
        found, end = [], None
        while end != 0:
            part = logs.search(path, text, end)
            found += part.lines
            assert part.begin < (len(data) if end is None else end) or not data
            end = part.begin
    assert [line for _, line in found] == [line for line in reversed(lines) if text in line]
    for byte, line in found:
        assert data[byte:].startswith(f"{line}\n".encode())


def test_letters_of_both_cases_are_found(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.write_text("fine\nCUDA Out Of Memory\n")
    assert [line for _, line in logs.search(path, "out of memory").lines] == ["CUDA Out Of Memory"]
    assert logs.search(tmp_path / "none", "x") == logs.Found(0, 0, 0, [])
    assert logs.page(tmp_path / "none") == logs.Page(0, 0, 0, [])


def test_a_log_of_a_gigabyte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "train.log"
    with path.open("wb") as out:
        out.truncate(1 << 30)  # a hole: it takes no room
        out.seek(1 << 30)
        out.write(b"\nlast but one\nlast\n")
    taken: list[int] = []

    class Counted(FileIO):
        """The file, which counts the bytes that are read from it."""

        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            taken.append(len(data))
            return data

    monkeypatch.setattr(logs, "_opened", Counted)
    assert logs.page(path).lines[-2:] == ["last but one", "last"]
    assert sum(taken) <= 20_000
    found = logs.search(path, "last")
    assert [line for _, line in found.lines] == ["last", "last but one"]
    assert found.begin > 0
    assert sum(taken) < 2 * logs._SEARCHED, "a part of it is looked through, not all"
    assert max(taken) <= 16 * logs._BLOCK, "and never much at once"


def test_one_line_without_an_end(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.write_bytes(b"start\n" + b"".join(b"%6d\r" % i for i in range(10_000)))
    page = logs.page(path)
    assert (page.lines, page.partial) == ([], "  9999")
    assert logs.page(path, 30_000).lines == ["  4284"]
