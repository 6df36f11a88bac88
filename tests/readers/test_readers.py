"""Readers on logs as they are found: what is a point, what is not, and where it stood."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huohou.diagnose.engine import diagnose
from huohou.errors import DataError, UsageError
from huohou.record.readers import names, read
from huohou.record.record import Record


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def state(history: list[dict[str, object]], **facts: object) -> str:
    return json.dumps(
        {"global_step": 30, "max_steps": 30, "log_history": history} | facts, indent=2
    )


TRAINED = [
    {"loss": 2.5, "learning_rate": 1e-4, "grad_norm": 1.5, "epoch": 0.5, "step": 10},
    {"eval_loss": 2.0, "eval_runtime": 1.5, "epoch": 0.5, "step": 10},
    {"loss": 1.5, "learning_rate": 5e-5, "grad_norm": float("nan"), "epoch": 1.0, "step": 20},
]


def test_trainer_state(tmp_path: Path) -> None:
    record = read(write(tmp_path, "trainer_state.json", state(TRAINED, train_batch_size=4)))
    assert record.source["reader"] == "trainer-state"
    assert record.values("loss") == [2.5, 1.5]
    assert [(p.step, p.epoch) for p in record.points("loss")] == [(10, 0.5), (20, 1.0)]
    assert math.isnan(record.values("grad_norm")[1]), "a bare NaN is a value"
    assert record.values("eval_loss") == [2.0]
    assert record.facts["batch_size"] == 4 and record.facts["finished"] is True


@pytest.mark.parametrize("count", [math.nan, math.inf])
def test_a_count_that_is_none_is_no_fact(tmp_path: Path, count: float) -> None:
    told = dict.fromkeys(("global_step", "max_steps", "num_train_epochs", "best_metric"), count)
    record = read(write(tmp_path, "trainer_state.json", state(TRAINED, **told)))
    assert not told.keys() & record.facts.keys()
    diagnose(record)


def test_trainer_state_keeps_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "trainer_state.json", state(TRAINED))
    lines = path.read_text().split("\n")
    for point in read(path).points("loss"):
        assert point.line is not None
        assert f'"loss": {point.value}' in "".join(lines[point.line - 1 : point.line + 2])


def test_summary_and_what_follows_are_no_points(tmp_path: Path) -> None:
    history = [
        *TRAINED,
        {"train_loss": 0.2, "train_runtime": 10.0, "total_flos": 1e9, "epoch": 1.5, "step": 30},
        {"eval_loss": 1.9, "epoch": 1.5, "step": 30},
    ]
    record = read(write(tmp_path, "trainer_state.json", state(history)))
    assert record.values("eval_loss") == [2.0], "an evaluation after the end judges other weights"
    assert record.facts["after_training"]["eval_loss"] == 1.9
    assert record.facts["summary"]["train_loss"] == 0.2
    assert "train_loss" not in record.series


def test_folder_takes_the_last_checkpoint(tmp_path: Path) -> None:
    for step in (5, 10, 100):
        write(tmp_path, f"out/checkpoint-{step}/trainer_state.json", state(TRAINED[: step // 5]))
    record = read(tmp_path / "out")
    assert Path(record.source["path"]).parent.name == "checkpoint-100"
    assert record.facts["checkpoints"] == [5, 10, 100]
    assert read(tmp_path / "out" / "checkpoint-5").values("loss") == [2.5]


def lf(step: int, loss: object, elapsed: str, **more: object) -> str:
    row = {"current_steps": step, "total_steps": 90, "loss": loss, "lr": 1e-4, "epoch": step / 30}
    return json.dumps(row | {"percentage": 1.0, "elapsed_time": elapsed} | more)


def test_llamafactory(tmp_path: Path) -> None:
    rows = [lf(10, 3.2, "0:01:00"), lf(20, None, "0:02:00", eval_loss=2.9), lf(20, 2.8, "0:02:00")]
    record = read(write(tmp_path, "trainer_log.jsonl", "\n".join(rows) + '\n{"current_st'))
    assert record.source["reader"] == "llamafactory"
    assert record.values("loss") == [3.2, 2.8] and record.values("eval_loss") == [2.9]
    assert record.values("learning_rate") == [1e-4] * 3
    assert [p.line for p in record.points("loss")] == [1, 3]
    assert record.facts["max_steps"] == 90 and record.facts["finished"] is False


def test_llamafactory_started_again(tmp_path: Path) -> None:
    rows = [lf(10, 3.2, "0:01:00"), lf(20, 2.8, "1 day, 0:02:00"), lf(10, 3.2, "0:01:00")]
    taken_up = [*rows[:2], lf(30, 2.5, "0:00:30")]
    again = read(write(tmp_path, "trainer_log.jsonl", "\n".join(rows)))
    assert [p.seg for p in again.points("loss")] == [0, 0, 1]
    resumed = read(write(tmp_path, "resumed.jsonl", "\n".join(taken_up)))
    assert [p.seg for p in resumed.points("loss")] == [0, 0, 1], "the clock went back, not the step"


@pytest.mark.parametrize(
    ("rows", "loss", "steps"),
    [
        (
            ['{"step": 1, "loss": "3.631"}', '{"step": 2, "loss": "1.133e+01"}'],
            [3.631, 11.33],
            [1, 2],
        ),
        (['{"iter": 5, "train/loss": 2}', '{"iter": 6, "train/loss": 1}'], [2, 1], [5, 6]),
        (['{"step": "1/20", "loss": 2}'] * 2, [2, 2], [1, 1]),
        (['{"epoch": 1, "train_loss": 2}', '{"epoch": 2, "train_loss": 1}'], [2, 1], [None, None]),
        (
            ['{"step": 1, "loss": Infinity}', "Traceback", '{"step": 2, "loss"'] * 2,
            [math.inf] * 2,
            [1, 1],
        ),
    ],
)
def test_jsonl(tmp_path: Path, rows: list[str], loss: list[float], steps: list[int | None]) -> None:
    record = read(write(tmp_path, "log.jsonl", "\n".join(rows)))
    assert record.values("loss") == loss
    assert [p.step for p in record.points("loss")] == steps
    assert "loss" in record.notes[0], "the guess is stated"


def test_csv(tmp_path: Path) -> None:
    text = "iter,train_loss,val_loss,lr,note\r\n0,4.2,4.1,1e-5,\r\n10,2.5,,1e-3,x\r\n20,2.0,2.2,1e-4,\r\n"
    record = read(write(tmp_path, "losses.csv", text))
    assert record.values("loss") == [4.2, 2.5, 2.0]
    assert [(p.step, p.value, p.line) for p in record.points("eval_loss")] == [
        (0, 4.1, 2),
        (20, 2.2, 4),
    ]
    assert record.values("learning_rate") == [1e-5, 1e-3, 1e-4]


def test_csv_without_steps_counts_rows(tmp_path: Path) -> None:
    record = read(write(tmp_path, "log.csv", "val_loss,loss\n0.9,0.8\n0.8,0.7\n"))
    assert [p.step for p in record.points("loss")] == [1, 2]
    assert record.facts["rows_counted"] is True


def test_csv_export_of_one_run(tmp_path: Path) -> None:
    text = '"Step","a - loss","a - loss__MIN","a - loss__MAX"\n"4","12.1","12.1","12.1"\n'
    assert read(write(tmp_path, "wandb.csv", text)).values("loss") == [12.1]
    with pytest.raises(DataError, match="2 runs"):
        read(write(tmp_path, "two.csv", '"Step","a - loss","b - loss"\n1,2,3\n'), "csv")


def test_rows_in_disorder_are_sorted(tmp_path: Path) -> None:
    rows = [f"{step},{step / 10}" for step in range(60, 0, -1)]
    record = read(write(tmp_path, "log.csv", "step,loss\n" + "\n".join(rows)))
    assert [p.step for p in record.points("loss")] == list(range(1, 61))
    assert record.segments() == [0] and len(record.notes) == 2


def test_json_tables(tmp_path: Path) -> None:
    columns = {"meta": {"a": 1}, "iters": [0, 1], "losses": [3.0, 2.0], "odd": [1]}
    assert read(write(tmp_path, "a.json", json.dumps(columns))).values("loss") == [3.0, 2.0]
    rows = [{"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0}]
    assert read(write(tmp_path, "b.json", json.dumps(rows))).values("loss") == [3.0, 2.0]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = "\n".join([lf(10, 3.2, "0:01:00"), lf(20, 2.8, "0:02:00")])
    assert read(write(tmp_path, "a.jsonl", text.encode(encoding))).values("loss") == [3.2, 2.8]


LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"

REFUSED = {
    "empty.json": ("", "empty"),
    "pointer.json": (LFS, "git lfs pull"),
    "trainer_state.json": (state([]), "log_history holds no values"),
    "unsaid.json": ('{"global_step": 3, "log_history": []}', "before the first one"),
    "cut.json": (state(TRAINED)[:-200], "broken JSON"),
    "args.json": ('{"lr": 1e-4, "targets": ["q", "v"]}', "without a curve"),
    "runs.csv": ("run_name,seed,loss\na,1,2.0\nb,2,1.9\n", "one row a run"),
    "table.csv": ("name,price\na,3\nb,4\n", "one row a run"),
    "prices.csv": ("fruit,price\na,3\nb,4\n", "no column"),
    "rows.jsonl": ('{"messages": [], "n": "x"}\n{"messages": []}\n', "no column"),
    "head.csv": ("step,loss\n", "no rows"),
    "notes.txt": ("Dear diary, the loss was 3 today.\n", "without a measured number"),
    "binary.bin": (bytes(range(256)) * 8, "no known log format"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_reason(tmp_path: Path, name: str) -> None:
    content, reason = REFUSED[name]
    with pytest.raises(DataError, match=reason) as caught:
        read(write(tmp_path, name, content))
    assert name in str(caught.value)


def test_places_that_hold_no_log(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read(tmp_path / "missing.json")
    with pytest.raises(DataError, match="no log in this folder"):
        read(tmp_path)
    with pytest.raises(UsageError, match="trainer-state"):
        read(tmp_path, reader="trainer-stat")


def test_reader_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, "a.log", '{"step": 1, "loss": 2.0}')
    assert read(path, "jsonl").values("loss") == [2.0]
    with pytest.raises(DataError):
        read(path, "trainer-state")


WORDS = """{ } [ ] , : / "log_history" "total_steps" "current_steps" "loss" "step" "kind" "t"
1 -0.5 NaN 1e999 "a" null true"""
PIECES = st.sampled_from([*WORDS.split(), "\n", " - "])
BYTES = st.binary(max_size=400) | st.lists(PIECES, max_size=60).map(lambda p: " ".join(p).encode())


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.csv", "a.txt", "events.jsonl"])
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=BYTES)
def test_any_bytes_are_read_or_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = write(tmp_path, name, content)
    for reader in (None, *names()):
        try:
            assert isinstance(read(path, reader), Record)
        except DataError as error:
            assert str(error)


VALUES = st.floats() | st.integers() | st.text(max_size=5) | st.none() | st.booleans()
ROWS = st.lists(
    st.dictionaries(st.sampled_from(["step", "epoch", "loss", "eval_loss", "lr", "x"]), VALUES),
    min_size=1,
    max_size=8,
)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS)
def test_what_is_read_was_written(tmp_path: Path, rows: list[dict[str, object]]) -> None:
    """Each point has the line, the step and the value of a row of the file; nothing is made up."""
    path = write(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows)) + "\n")
    try:
        record = read(path)
    except DataError:
        return
    for name, theirs in (("loss", "loss"), ("eval_loss", "eval_loss"), ("learning_rate", "lr")):
        for point in record.points(name):
            assert point.line is not None
            given_value = float(rows[point.line - 1][theirs])  # type: ignore[arg-type]
            assert point.value == given_value or math.isnan(given_value)
