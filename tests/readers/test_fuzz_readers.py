"""Every registered reader on files that are damaged, cut, disguised or made to break it.

What a reader must hold to stands in ``fuzz.attempt``; ``make fuzz`` does the same for minutes.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz import attempt as attempts
from fuzz.attempt import TIMES, attempt, hold, judged, memory
from fuzz.grown import grown
from fuzz.nasty import PIECES, WHOLE
from fuzz.samples import samples, texts
from huohou.record.readers import names, read
from huohou.record.record import Record
from waiting import no_longer

SAMPLES = samples()
LARGE = 400_000
SMALL = 20_000  # bytes of a file that is made to break a reader; a megabyte by `make fuzz`

again = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
each_reader = pytest.mark.parametrize("name", SAMPLES)


def place(folder: Path, name: str, content: bytes) -> Path:
    """A file that is called as those of a reader are."""
    path = folder / SAMPLES[name][0]
    path.write_bytes(content)
    return path


def test_every_reader_has_a_sample() -> None:
    assert set(SAMPLES) == set(names())


@each_reader
def test_samples_are_recognised_and_judged(tmp_path: Path, name: str) -> None:
    record = attempt(place(tmp_path, name, SAMPLES[name][1]), None)
    assert record is not None and record.source["reader"] == name
    judged(record)


@each_reader
@again
@given(content=st.binary(max_size=400) | st.text(max_size=300).map(str.encode))
def test_any_bytes(tmp_path: Path, name: str, content: bytes) -> None:
    attempt(place(tmp_path, name, content), name)


def cut(content: bytes, at: int, n: int, piece: bytes) -> bytes:
    return content[:at] + content[at + n :]


def insert(content: bytes, at: int, n: int, piece: bytes) -> bytes:
    return content[:at] + piece + content[at:]


def replace(content: bytes, at: int, n: int, piece: bytes) -> bytes:
    return content[:at] + piece + content[at + n :]


def repeat(content: bytes, at: int, n: int, piece: bytes) -> bytes:
    return content[: at + n] + content[at : at + n] * 3 + content[at + n :]


def flip(content: bytes, at: int, n: int, piece: bytes) -> bytes:
    return content[:at] + bytes([content[at] ^ 1 << n % 8]) + content[at + 1 :] if content else b""


CHANGES: Sequence[Callable[[bytes, int, int, bytes], bytes]] = (cut, insert, replace, repeat, flip)
EDITS = st.lists(
    st.tuples(st.sampled_from(CHANGES), st.floats(0, 0.999), st.integers(0, 40), st.sampled_from(PIECES)),
    min_size=1,
    max_size=6,
)  # fmt: skip


@each_reader
@again
@given(edits=EDITS)
def test_damaged_files(tmp_path: Path, name: str, edits: list[tuple[Callable[..., bytes], float, int, bytes]]) -> None:  # fmt: skip
    content = SAMPLES[name][1]
    for change, at, n, piece in edits:
        content = change(content, int(at * len(content)), n, piece)
    path = place(tmp_path, name, content)
    for reader in (name, None):
        if (record := attempt(path, reader)) is not None:
            judged(record)


@each_reader
def test_cut_off_at_many_places(tmp_path: Path, name: str) -> None:
    content = SAMPLES[name][1]
    for end in range(0, len(content), max(1, len(content) // 60)):
        attempt(place(tmp_path, name, content[:end]), name)


@pytest.mark.parametrize("name", texts())
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_changes_nothing(tmp_path: Path, name: str, encoding: str) -> None:
    content = SAMPLES[name][1]
    plain = attempt(place(tmp_path, name, content), name)
    other = attempt(place(tmp_path, name, content.decode().encode(encoding)), name)
    assert plain is not None and other is not None
    assert other.series == plain.series and other.figures == plain.figures


@pytest.mark.parametrize("name", texts())
def test_disguised_as_a_terminal_prints_it(tmp_path: Path, name: str) -> None:
    lines = SAMPLES[name][1].splitlines(keepends=True)
    for disguise in (
        b"".join(b"\x1b[32m" + line + b"\x1b[0m" for line in lines),
        b"\r".join(lines),
        b"\x00".join(lines),
        b"\r\n".join(line.rstrip(b"\r\n") for line in lines),
    ):
        attempt(place(tmp_path, name, disguise), name)


@each_reader
def test_made_to_break(tmp_path: Path, name: str) -> None:
    for make in WHOLE.values():
        attempt(place(tmp_path, name, make(SMALL)), name)


@pytest.mark.slow
@each_reader
@pytest.mark.parametrize("bytes_", [100_000, 240_000])
def test_what_is_made_to_break_takes_no_more_memory(tmp_path: Path, name: str, bytes_: int) -> None:
    """A megabyte is tried by `make fuzz`; lists that were read whole were worst in short files."""
    attempt(place(tmp_path, name, SAMPLES[name][1]), name)  # its modules are there now
    for kind, make in WHOLE.items():
        times = memory(place(tmp_path, name, make(bytes_)), name)
        assert times <= TIMES, kind


NO_CURVE = {"text-log", "prose"}  # what a repeated sample of it has no more points for


@each_reader
def test_memory_for_a_large_file(tmp_path: Path, name: str) -> None:
    small = attempt(place(tmp_path, name, SAMPLES[name][1]), name)  # its modules are there now
    path = place(tmp_path, name, grown(name, LARGE))
    large = attempt(path, name)
    assert small is not None and large is not None, "it is read, so that memory is needed"
    assert name in NO_CURVE or size(large) > 10 * size(small)
    for length in (LARGE, 100_000, SMALL):
        with no_longer(120):  # how many seconds a megabyte takes is for `make fuzz` to see
            times = memory(place(tmp_path, name, grown(name, length)), name)
        assert times <= TIMES


def size(record: Record) -> int:
    return sum(map(len, record.series.values())) + len(record.figures)


def test_what_takes_too_much_memory_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place(tmp_path, "csv", grown("csv", LARGE))
    monkeypatch.setattr(attempts, "_read", lambda path, reader: bytes(14 * LARGE))
    with pytest.raises(attempts.BrokenPromiseError, match="times the file"):
        hold(path, "csv")
    monkeypatch.setattr(attempts, "_read", lambda path, reader: bytes(9 * LARGE))
    hold(path, "csv")


def test_a_results_file_of_many_figures_is_read_in_one_pass(tmp_path: Path) -> None:
    """Each figure was looked for in each line: 21 s for a megabyte."""
    many = {f"predict_figure_{i}": i + 0.5 for i in range(60_000)}
    path = tmp_path / "all_results.json"
    path.write_text(json.dumps(many | {"损失": 1.5}, indent=1, ensure_ascii=False), "utf-8")
    with no_longer(60):
        record = read(path, "results")
    assert [figure.line for figure in record.figures] == list(range(2, 60_003))
