"""An index is whole or not there: interrupted builds, many readers, the cache of `open_index`."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bm25s
import numpy as np
import pytest

from huohou.answer.index import FactIndex, open_index
from huohou.answer.index.postings import Postings, PostingsWriter
from huohou.data.facts import read_facts
from huohou.errors import DataError, StoreError

EXAMPLE = Path(__file__).parents[2] / "examples" / "bank_codes" / "branches.csv"
ROW = "中国工商银行股份有限公司武汉火星支行,102521000005,武汉市\n"


def write(path: Path, rows: int, offset: int = 0) -> Path:
    lines = [f"branch {i},{i:08}\n" for i in range(offset, offset + rows)]
    path.write_text("name,code\n" + "".join(lines), "utf-8")
    return path


def test_the_cache_is_used_and_follows_the_file(tmp_path: Path) -> None:
    source, told = tmp_path / "t.csv", list[str]()
    source.write_text(EXAMPLE.read_text("utf-8"), "utf-8")
    cache = tmp_path / "cache"
    index = open_index(source, cache_folder=cache, progress=told.append)
    (folder,) = (cache / "indexes").iterdir()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.npy")}
    again = open_index(source, cache_folder=cache)
    assert again.fingerprint == index.fingerprint
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.npy")} == before
    stamp = source.stat()
    source.write_text(source.read_text("utf-8") + ROW, "utf-8")
    os.utime(source, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # the clock does not decide
    newer = open_index(source, cache_folder=cache, progress=told.append)
    assert newer.search("工行武汉火星支行")[0].entry.value == "102521000005"
    assert newer.fingerprint != index.fingerprint
    assert len(list((cache / "indexes").iterdir())) == 1
    assert any("1 rows added" in one for one in told)
    assert newer.about.source == str(source)
    assert newer.about.check_digits
    assert newer.about.digits == 12


def test_a_damaged_index_is_built_anew(tmp_path: Path) -> None:
    source = write(tmp_path / "t.csv", 20)
    index = open_index(source, cache_folder=tmp_path / "cache")
    names = {p.name for p in index.folder.glob("*/**/*") if p.is_file()}
    assert len(names) > 5
    for name in sorted(names):
        for damage in (Path.unlink, lambda path: path.write_bytes(path.read_bytes() + b"x")):
            damage(next(index.folder.rglob(name)))
            with pytest.raises(DataError, match="cannot be read"):
                FactIndex.open(index.folder)
            index = open_index(source, cache_folder=tmp_path / "cache")
            assert index.exact("branch 7")[0].value == "00000007"


def test_huohou_cache_is_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUOHOU_CACHE", str(tmp_path / "here"))
    index = open_index(write(tmp_path / "t.csv", 3))
    assert index.folder.is_relative_to(tmp_path / "here")
    with pytest.raises(DataError):
        open_index(tmp_path / "nothing.csv")


def test_columns_make_another_index(tmp_path: Path) -> None:
    source = tmp_path / "t.csv"
    source.write_text("a,b,c\nx,y,z\n", "utf-8")
    one = open_index(source, key="a", value="b", cache_folder=tmp_path)
    other = open_index(source, key="c", value="a", cache_folder=tmp_path)
    assert one.exact("x")[0].value == "y"
    assert other.exact("z")[0].value == "x"
    assert one.folder != other.folder


BUILD = """
import sys
from pathlib import Path
from huohou.answer.index import FactIndex
from huohou.data.facts import read_facts
folder = Path(sys.argv[2])
print("ready", flush=True)
while True:
    for source in sys.argv[3:]:
        if sys.argv[1] == "build":
            FactIndex.build(read_facts(source), folder)
        else:
            FactIndex.open(folder).update(read_facts(source))
"""


@pytest.mark.parametrize("what", ["build", "update"])
def test_a_killed_writer_leaves_a_whole_index(what: str, tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.csv", 1500), write(tmp_path / "b.csv", 1500, 700)
    whole = {FactIndex.build(read_facts(s), tmp_path / s.stem).fingerprint for s in (first, second)}
    folder = tmp_path / "index"
    FactIndex.build(read_facts(first), folder)
    for delay in (0.05, 0.2, 0.3):
        child = subprocess.Popen(
            [sys.executable, "-c", BUILD, what, str(folder), str(first), str(second)],
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        index = FactIndex.open(folder)
        assert index.fingerprint in whole
        assert len(index) == 1500
        assert index.exact("branch 1000")[0].value == "00001000"
        assert len(index.search("branch 800", k=1)) == 1
    FactIndex.build(read_facts(first), folder)
    assert {path.name.split("-")[0] for path in folder.iterdir() if path.is_dir()} == {
        "segment",
        "state",
    }
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 2  # nothing left over


def test_what_is_not_ours_in_the_folder_stays(tmp_path: Path) -> None:
    for name in ("state", "segment-x", "segments", "state-1.bak"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine").write_text("mine")
    FactIndex.build(read_facts(write(tmp_path / "t.csv", 3)), tmp_path)
    FactIndex.build(read_facts(write(tmp_path / "t.csv", 4)), tmp_path)
    assert len(list(tmp_path.rglob("mine"))) == 4


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    table = read_facts(write(tmp_path / "t.csv", 3))
    with pytest.raises(StoreError, match="cannot be written"):
        FactIndex.build(table, tmp_path / "t.csv" / "below")


def test_fifty_callers_while_the_table_changes(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.csv", 300), write(tmp_path / "b.csv", 300, 100)
    tables = [read_facts(first), read_facts(second)]
    index = FactIndex.build(tables[0], tmp_path / "index")
    stop = threading.Event()

    def change() -> None:
        at = 1
        while not stop.is_set():
            index.update(tables[at % 2])
            at += 1

    def look_up(caller: int) -> int:
        right = 0
        for i in range(6):
            number = 100 + (caller * 7 + i) % 200  # in both tables
            found = index.search(f"branch {number}", k=3)[0].entry
            right += found.value == f"{number:08}" == index.exact(f"branch {number}")[0].value
            right += [e.key for e in index.by_value(f"{number:08}")] == [f"branch {number}"]
        return right

    writer = threading.Thread(target=change)
    writer.start()
    try:
        with ThreadPoolExecutor(50) as pool:
            found = list(pool.map(look_up, range(50)))
    finally:
        stop.set()
        writer.join()
    assert found == [12] * 50


def test_scores_are_those_of_bm25s(tmp_path: Path) -> None:
    chance = np.random.default_rng(1)
    letters = [chr(0x4E00 + i) for i in range(60)]
    rows = [
        list(dict.fromkeys(map(str, chance.choice(letters, size))))
        for size in chance.integers(1, 12, 80)
    ]
    writer = PostingsWriter()
    for row in rows:
        writer.add(row)
    writer.write(tmp_path)
    reference = bm25s.BM25(k1=1.5, b=0.75, method="lucene")
    reference.index(rows, show_progress=False)
    ours, alive = Postings(tmp_path), np.ones(80, dtype=np.bool_)
    for query in rows[:20]:
        expected = reference.get_scores(query)
        got = ours.best(query, 80, alive)
        assert [number for number, _ in got] == sorted(
            np.flatnonzero(expected > 0),
            key=lambda number: (-np.float32(dict(got)[number]), number),
        )
        assert [score for _, score in got] == pytest.approx(
            [float(expected[number]) for number, _ in got], rel=1e-5
        )
    assert [number for number, _ in ours.best(rows[3], 80, alive & False)] == []
