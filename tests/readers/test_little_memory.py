"""What is done so that a file takes little memory changes nothing of a log that somebody wrote."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.attempt import TIMES, measure
from huohou import text
from huohou.errors import DataError
from huohou.record.columns import Rows, Series
from huohou.record.readers import read
from huohou.record.readers._ends import _Lines, ending
from huohou.record.readers._frame import Frame, series_of, unknown
from huohou.record.readers._rows import Collector


def written(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def test_two_thousand_measures_of_one_row_are_read(tmp_path: Path) -> None:
    """Each has a name of its own, once: as in the only evaluation of very many tasks."""
    row = {"step": 1, "loss": 2.5} | {
        f"eval/a_task_with_a_name_{i:04}/accuracy": 0.5 for i in range(2000)
    }
    path = written(tmp_path / "log.jsonl", json.dumps(row) + "\n")
    assert len(read(path, "jsonl").series) == 2001
    assert measure(path, "jsonl")[1] <= TIMES


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("reader", ["jsonl", "llamafactory", "ms-swift"])
def test_thousands_of_short_names_are_refused_with_words(
    tmp_path: Path, reader: str, language: str
) -> None:
    path = written(tmp_path / "log.jsonl", "".join(f'{{"n{i}":1}}\n' for i in range(5000)))
    with text.speaking(language), pytest.raises(DataError, match=r"\d,?\d{3}"):
        read(path, reader)


@pytest.mark.parametrize("reader", ["csv", "wandb-csv", "lightning", "keras"])
def test_cells_behind_the_columns_are_left_out(tmp_path: Path, reader: str) -> None:
    heading, rows = "epoch,loss,step\n", ["0,2.5,1", "0,2.0,2", "1,1.5,3"]
    plain = read(written(tmp_path / "plain.csv", heading + "\n".join(rows)), reader)
    rows[1] += ",x" * 50_000
    more = read(written(tmp_path / "more.csv", heading + "\n".join(rows)), reader)
    assert more.values("loss") == [2.5, 2.0, 1.5] and more.series == plain.series


def test_a_text_with_many_commas_is_one_cell(tmp_path: Path) -> None:
    told = ", ".join(["w"] * 20_000)
    content = f'step,loss,note\n1,2.5,"{told}"\n2,2.0,"{told}\n{told}"\n3,1.5,\n'
    for reader in ("csv", "wandb-csv"):
        record = read(written(tmp_path / "log.csv", content), reader)
        assert record.values("loss") == [2.5, 2.0, 1.5]
        assert [point.line for point in record.points("loss")] == [2, 3, 5]


@pytest.mark.parametrize(
    ("name", "reader"), [("trainer_state.json", "trainer-state"), ("log.json", "json")]
)
def test_a_short_document_of_nothing_is_refused_before_it_is_loaded(
    tmp_path: Path, name: str, reader: str
) -> None:
    path = written(tmp_path / name, '{"a": [' + "{}," * 40_000 + "{}]}")
    with pytest.raises(DataError, match="tiny values"):
        read(path, reader)


def test_a_history_of_nothing_has_no_points_and_entries_of_nothing_change_none(
    tmp_path: Path,
) -> None:
    entries = [{"step": 1, "loss": 2.5}, {"step": 2, "loss": 2.0}]
    plain, gaps = (
        {"global_step": 2, "log_history": rows}
        for rows in (entries, [{}, entries[0], {}, entries[1]])
    )
    found = [read(written(tmp_path / "trainer_state.json", json.dumps(s))) for s in (plain, gaps)]
    assert found[0].series == found[1].series
    with pytest.raises(DataError):
        empty = json.dumps({"global_step": 2, "log_history": [{}, {}]})
        read(written(tmp_path / "trainer_state.json", empty))


def test_figures_of_two_letters_are_refused_and_others_keep_text_and_line(tmp_path: Path) -> None:
    path = written(
        tmp_path / "all_results.json", '{\n"a": {"b": 1},\n"train_loss": "1.50",\n"b": 2}'
    )
    known = [
        (figure.name, figure.value, figure.text, figure.line)
        for figure in read(path, "results").figures
    ]
    assert known == [("train_loss", 1.5, "1.50", 3), ("b", 2.0, "2", 2)]
    many = {f"{i:x}": 1 for i in range(20_000)}
    with pytest.raises(DataError, match="tiny values"):
        read(written(path, json.dumps(many, separators=(",", ":"))), "results")


NAMES = st.sampled_from(["loss", "eval_loss", "a", "b"])
ROWS = st.lists(st.dictionaries(NAMES, st.floats(allow_nan=False), max_size=4), max_size=40)


@given(ROWS, st.integers(1, 30))
def test_series_of_many_rows_and_of_few_are_those_of_the_columns(
    rows: list[dict[str, Any]], times: int
) -> None:
    frame, collector = Frame(), Collector()
    for line, row in enumerate(rows * times, start=1):
        frame.add(line, row)
        collector.add(row, step=None, line=line)
    nothing = unknown(len(frame))
    places = Rows(nothing, nothing, nothing, np.zeros(len(frame), np.int32), frame.lines)
    found = series_of(frame, {name: name for name in frame.names}, places)
    assert found == {
        name: Series(values, places, at)
        for name in frame.names
        for values, at in [frame.column(name)]
    }
    assert found == collector.series()


@given(st.text("ab\n\r", max_size=60), st.integers(0, 60))
def test_lines_that_are_cut_out_are_those_of_a_list(written: str, begin: int) -> None:
    begin = min(begin, len(written))
    lines = _Lines(written, begin)
    assert [lines[at] for at in range(len(lines))] == written[begin:].split("\n")


def test_the_first_of_very_many_errors_that_stand_together_is_the_cause() -> None:
    errors = "".join(f"Traceback (most recent call last):\n  x\nE{i}: no\n" for i in range(3000))
    found = ending("step 1\n" + errors)
    assert found is not None and (found.words, found.line) == ("E0: no", 4)
