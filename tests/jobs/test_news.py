"""What came after a cursor: each event once, wherever the stream is cut."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huohou.jobs import news
from huohou.jobs.news import Cursor, LogFollower, Message, News
from huohou.record.events import dumps
from huohou.record.recorder import Journal, Recorder

START = Cursor(0, 0)
NUMBERS = st.floats() | st.integers(-5, 5)
RUN = st.one_of(
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["metrics", "eval"]), "step": st.integers(0, 99), "loss": NUMBERS}
    ),
    st.fixed_dictionaries({"kind": st.just("checkpoint"), "step": st.integers(0, 9)}),
    st.fixed_dictionaries({"kind": st.sampled_from(["log", "start", "alert"]), "text": st.text()}),
    st.sampled_from([b"", b"torn {", b'{"no": "kind"}', "好".encode()[:2]]),
)
JOURNAL = st.one_of(
    st.fixed_dictionaries({"kind": st.just("finding"), "code": st.sampled_from("abc")}),
    st.fixed_dictionaries({"kind": st.sampled_from(["state", "alert"]), "text": st.text()}),
    st.just(b"torn {"),
)
# Pieces that are written one after the other: lines of the two files and of the log.
WRITTEN = st.lists(
    st.tuples(
        st.lists(RUN, max_size=6),
        st.lists(JOURNAL, max_size=3),
        st.lists(st.text("ab好\r", max_size=5), max_size=3),
    ),
    max_size=8,
)


def line(one: Any) -> bytes:
    return one + b"\n" if isinstance(one, bytes) else dumps({"t": 1.0, "seg": 0, **one})


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as out:
        out.write(data)


def told(messages: list[Message]) -> list[str]:
    """Everything in messages as text, points and lines one by one."""
    found = []
    for message in messages:
        parts = message.data.get("points", message.data.get("lines", [message.data]))
        found += [f"{message.kind} {json.dumps(part, sort_keys=True)}" for part in parts]
    return found


def kind_of(name: str, all_: list[str]) -> list[str]:
    return [one for one in all_ if one.split()[0] == name]


@settings(max_examples=60)
@given(WRITTEN, st.data())
def test_any_cut_gives_each_event_once(
    tmp_path_factory: pytest.TempPathFactory, written: Any, data: Any
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(news, "MOST", 2)
        patch.setattr(news, "_PIECE", 64)
        followed = News(1, folder, Cursor(0, 0, 0), log=True)
        seen: list[Message] = []
        for run, journal, log in written:
            append(folder / "events.jsonl", b"".join(map(line, run)))
            append(folder / "job.jsonl", b"".join(map(line, journal)))
            append(folder / "train.log", "".join(f"{text}\n" for text in log).encode())
            got = everything(followed)
            if data.draw(st.booleans()):  # the reader is gone after some message, and comes back
                got = got[: data.draw(st.integers(0, len(got)))]
                at = (got or seen)[-1].cursor if got or seen else Cursor(0, 0, 0)
                followed = News(1, folder, Cursor.read(str(at)), log=True)
            seen += got
        seen += everything(followed)
        whole = told(everything(News(1, folder, Cursor(0, 0, 0), log=True)))
    mine = told(seen)
    for kind in ("points", "finding", "checkpoint", "log"):
        assert kind_of(kind, mine) == kind_of(kind, whole)
    assert sorted(kind_of("alert", mine)) == sorted(kind_of("alert", whole))
    numbers = [one for run, _, _ in written for one in run if isinstance(one, dict)]
    points = [one for one in numbers if one["kind"] in ("metrics", "eval")]
    assert len(kind_of("points", whole)) == len(points)
    lines = [text for *_, log in written for text in log]
    assert len(kind_of("log", whole)) == len(lines)


def everything(followed: News) -> list[Message]:
    found: list[Message] = []
    while True:
        before = followed.cursor
        found += followed.poll()
        if followed.cursor == before:
            return found


@settings(max_examples=40)
@given(WRITTEN, st.integers(0, 30))
def test_until_where_others_are(
    tmp_path_factory: pytest.TempPathFactory, written: Any, stop: int
) -> None:
    """What is told up to a cursor and what is told from it on are the whole."""
    folder = tmp_path_factory.mktemp("until")
    for run, journal, _ in written:
        append(folder / "events.jsonl", b"".join(map(line, run)))
        append(folder / "job.jsonl", b"".join(map(line, journal)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(news, "MOST", 3)
        whole = News(1, folder, START).poll()
        if not whole:
            return
        head = whole[stop % len(whole)].cursor
        late = News(1, folder, START)
        first: list[Message] = []
        while not late.cursor.reaches(head):
            first += late.poll(head)
        assert head.reaches(late.cursor)
        assert sorted(told(first + News(1, folder, head).poll())) == sorted(told(whole))


def test_messages(tmp_path: Path) -> None:
    with Journal(tmp_path / "job.jsonl", 0) as journal, Recorder(tmp_path / "events.jsonl") as run:
        journal.queued(7, "x", "sft", "m")
        run.start(updates=3)
        run.metrics(1, 0.5, loss=math.nan, grad_norm=0.0)
        run.checkpoint(1, "checkpoints/checkpoint-1", best=True)
        run.metrics(2, 1.0, loss=math.inf)
        journal.alert("hot")
    followed = News(7, tmp_path, START)
    assert followed.stirs()
    first, saved, second, alert = followed.poll()
    assert followed.poll() == []  # there might have been more
    assert not followed.stirs()
    values = [(p["name"], p["step"], p["epoch"], p["value"]) for p in first.data["points"]]
    assert values == [("loss", 1, 0.5, "NaN"), ("grad_norm", 1, 0.5, 0.0)]
    assert (saved.kind, saved.data["path"]) == ("checkpoint", "checkpoints/checkpoint-1")
    assert second.data["points"][0]["value"] == "Infinity"
    assert (alert.kind, alert.data["text"], alert.data["job"]) == ("alert", "hot", 7)
    assert alert.cursor == followed.cursor
    assert followed.left() == 0


def test_files_that_were_replaced(tmp_path: Path) -> None:
    with Recorder(tmp_path / "events.jsonl") as run:
        run.metrics(1, 0.5, loss=1.0)
    followed = News(1, tmp_path, Cursor(10_000, 5))
    (reset,) = followed.poll()
    assert reset.kind == "reset"
    assert reset.cursor == Cursor((tmp_path / "events.jsonl").stat().st_size, 0)
    with Recorder(tmp_path / "events.jsonl") as run:
        run.metrics(2, 1.0, loss=2.0)
    assert [p["step"] for m in followed.poll() for p in m.data["points"]] == [2]


def test_a_log_with_a_bar_that_is_drawn_over(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    assert LogFollower(path, 0).poll() is None
    path.write_bytes(b"a\n 10%\r 20%")
    followed = LogFollower(path, 0)
    first = followed.poll()
    assert first is not None and (first.lines, first.partial, followed.offset) == (["a"], " 20%", 2)
    assert followed.poll() is None
    append(path, b"\r100%\nend\n")
    second = followed.poll()
    assert second is not None and (second.lines, second.partial) == (["100%", "end"], "")
    path.write_bytes(b"new\n")
    third = followed.poll()
    assert third is not None and third.lines == ["new"]


@pytest.mark.parametrize("text", ["", "1", "1.2.3.4", "-1.2", "a.b", "1.2.", "1" * 16 + ".1"])
def test_what_is_no_cursor(text: str) -> None:
    with pytest.raises(ValueError, match="no cursor"):
        Cursor.read(text)
