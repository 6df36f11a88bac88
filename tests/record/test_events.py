"""Events as lines: what is written comes back, whatever happens to the file in between."""

import errno
import json
import math
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huohou.errors import StoreError
from huohou.record import locks
from huohou.record.events import Appender, Follower, dumps, events_with, loads
from huohou.record.recorder import Recorder

TEXT = st.text(st.characters(exclude_categories=[]), max_size=20)  # lone surrogates as well
NAMES = TEXT.filter(lambda name: name not in ("t", "seg", "kind", "path"))
METRICS = st.fixed_dictionaries(
    {"t": st.floats(0, 2e9), "seg": st.integers(0, 99), "kind": st.just("metrics")}
).flatmap(
    lambda head: st.dictionaries(NAMES, st.floats(), max_size=4).map(lambda values: head | values)
)
LOGS = st.builds(lambda text: {"t": 1.0, "seg": 0, "kind": "log", "text": text}, TEXT)
EVENTS = METRICS | LOGS


def same(a: object, b: object) -> bool:
    """Equal, NaN equal to NaN, 0.0 not equal to -0.0."""
    return repr(a) == repr(b)


@settings(deadline=None)
@given(EVENTS)
def test_an_event_comes_back(event: dict[str, object]) -> None:
    line = dumps(event)
    assert line.count(b"\n") == 1
    assert same(loads(line), event)


def test_the_words_for_what_json_has_no_number_for() -> None:
    event = {"kind": "metrics", "a": math.nan, "b": math.inf, "c": -math.inf, "d": 0.0}
    assert json.loads(dumps(event)) == {
        "kind": "metrics",
        "a": "NaN",
        "b": "Infinity",
        "c": "-Infinity",
        "d": 0.0,
    }


def test_a_log_line_that_says_nan_stays_a_word() -> None:
    assert loads(dumps({"kind": "log", "text": "NaN"})) == {"kind": "log", "text": "NaN"}


@settings(deadline=None)
@given(st.lists(EVENTS, min_size=1, max_size=4), st.data())
def test_truncation_loses_only_what_is_cut(
    tmp_path_factory: pytest.TempPathFactory, events: list[dict[str, object]], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cut") / "events.jsonl"
    lines = [dumps(event) for event in events]
    whole = b"".join(lines)
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    ends = [sum(map(len, lines[: i + 1])) for i in range(len(lines))]
    kept = [event for event, end in zip(events, ends, strict=True) if end <= cut]

    follower = Follower(path)
    assert same(follower.poll(), kept)
    with_appender(path, {"kind": "log", "text": "after"})
    rest = follower.poll()
    # A line whose newline alone was cut is whole again; nothing else comes back.
    whole_but_newline = [e for e, end in zip(events, ends, strict=True) if end == cut + 1]
    assert same(rest, [*whole_but_newline, {"kind": "log", "text": "after"}])


ENDS = st.sampled_from(["end", "ended", "the end", 'an "end"', "log"]).map(
    lambda word: {"t": 1.0, "seg": 0, "kind": word, "state": "completed"}
)


@settings(deadline=None)
@given(st.lists(EVENTS | ENDS, max_size=6), st.binary(max_size=9), st.integers(0, 30))
def test_events_with_a_word_are_those_that_have_it(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[dict[str, object]],
    junk: bytes,
    cut: int,
) -> None:
    """A quick look for one kind finds what a reader of all lines finds."""
    path = tmp_path_factory.mktemp("words") / "events.jsonl"
    assert list(events_with(path, "end")) == []
    whole = b"".join(dumps(event) for event in events[:3]) + junk + b"\n"
    whole += b"".join(dumps(event) for event in events[3:])
    path.write_bytes(whole[: len(whole) - cut])
    read = [event for event in Follower(path).poll() if "end" in event.values()]
    assert same(list(events_with(path, "end")), read)


def with_appender(path: Path, event: dict[str, object]) -> None:
    out = Appender(path)
    out.append(event)
    out.close()


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_a_crash(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes
) -> None:
    path = tmp_path_factory.mktemp("junk") / "events.jsonl"
    path.write_bytes(junk + b"\n")
    with_appender(path, {"kind": "log", "text": "after"})
    assert Follower(path).poll()[-1] == {"kind": "log", "text": "after"}


def test_deep_nesting_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"[" * 100_000 + b"\n" + b'{"kind": "log"}\n')
    follower = Follower(path)
    assert follower.poll() == [{"kind": "log"}]
    assert follower.skipped == 1


def test_the_follower_never_gives_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    follower = Follower(path)
    assert follower.poll() == []
    line = dumps({"kind": "log", "text": "老师"})
    with path.open("ab") as out:
        for i in range(len(line)):
            out.write(line[i : i + 1])
            out.flush()
            assert follower.poll() == (
                [{"kind": "log", "text": "老师"}] if i == len(line) - 1 else []
            )


def test_a_line_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with_appender(path, {"kind": "log", "text": "x" * (1 << 23)})
    with_appender(path, {"kind": "log", "text": "y"})
    follower = Follower(path)
    assert [len(e["text"]) for e in follower.poll() + follower.poll()] == [1 << 23, 1]


def test_the_offset_of_each_line_is_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'torn\n\n{"kind": "a"}\r\n{"kind": "b"}\n')
    lines = Follower(path).lines()
    content = path.read_bytes()
    assert [event["kind"] for _, event in lines] == ["a", "b"]
    assert [content[at : at + 9] for at, _ in lines] == [b'{"kind": ', b'{"kind": ']


def test_a_second_writer_is_refused_until_the_first_has_died(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    code = (
        "import sys, time, pathlib; from huohou.record.events import Appender;"
        "a = Appender(pathlib.Path(sys.argv[1])); print('held', flush=True); time.sleep(3600)"
    )
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE) as other:
        assert other.stdout and other.stdout.readline() == b"held\n"
        with pytest.raises(StoreError, match=r"events\.jsonl"):
            Appender(path)
        other.send_signal(signal.SIGKILL)
    Appender(path).close()


def test_who_only_looks_refuses_no_writer_however_slow_he_is(tmp_path: Path) -> None:
    """His process is held up in the middle of the look, for longer than a writer is waited for."""
    path = tmp_path / "events.jsonl"
    path.touch()
    look = os.open(path, os.O_RDONLY)
    assert locks.take(look, shared=True)
    threading.Timer(0.5, os.close, (look,)).start()
    out = Appender(path)
    assert locks.is_held(path)
    out.close()


def test_a_write_the_disk_takes_half_of(tmp_path: Path) -> None:
    """With a real limit on the file's size, in a process of its own."""
    path = tmp_path / "events.jsonl"
    code = (
        "import sys, pathlib, resource; from huohou.record.events import Appender\n"
        "out = Appender(pathlib.Path(sys.argv[1]))\n"
        "out.append({'kind': 'log', 'text': 'first'})\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50, resource.RLIM_INFINITY))\n"
        "try:\n"
        "    out.append({'kind': 'log', 'text': 'half of this'})\n"
        "except OSError as error:\n"
        "    print(error.errno)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))\n"
        "out.append({'kind': 'log', 'text': 'there is room again'})\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, check=True)
    assert int(done.stdout) == errno.EFBIG
    assert path.read_bytes()[:50].count(b"\n") == 1  # half a line was written
    assert [e["text"] for e in Follower(path).poll()] == ["first", "there is room again"]


def test_a_full_disk_is_an_os_error() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    with pytest.raises(OSError, match="No space") as caught:
        with_appender(Path("/dev/full"), {"kind": "log"})
    assert caught.value.errno == errno.ENOSPC


def test_the_recorder_writes_the_contract(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with Recorder(path, seg=2) as recorder:
        recorder.start(updates=10, epochs=2.0, folder=tmp_path)
        recorder.metrics(1, 0.2, loss=math.nan, learning_rate=0.0)
        recorder.eval(5, 1.0, eval_loss=0.5)
        recorder.checkpoint(5, tmp_path / "checkpoint-5", bytes=7)
        recorder.log("好")
        recorder.end("completed")
    events = Follower(path).poll()
    assert [e["kind"] for e in events] == ["start", "metrics", "eval", "checkpoint", "log", "end"]
    assert {e["seg"] for e in events} == {2}
    assert all(abs(e["t"] - path.stat().st_mtime) < 60 for e in events)
    assert math.isnan(events[1]["loss"])
    assert events[1]["learning_rate"] == 0.0
    assert events[0]["folder"] == str(tmp_path)


def test_a_fact_cannot_be_named_like_the_header(tmp_path: Path) -> None:
    with Recorder(tmp_path / "e.jsonl") as recorder, pytest.raises(ValueError, match="seg"):
        recorder.start(seg=1)
