"""``.wandb`` files: one that wandb wrote, and torn and damaged ones put together byte by byte."""

import gzip
import math
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torn import torn

from huohou.errors import DataError
from huohou.record.readers import read
from wandb_file import config, ended, framed, row
from wire import block, key, varint

SAMPLE = Path(__file__).parent / "samples" / "trainer.wandb.gz"


def write(folder: Path, *records: bytes, name: str = "run-abc.wandb") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(framed(*records))
    return path


def rows(count: int) -> list[bytes]:
    return [
        row(i, **{"train/loss": 2 / (i + 1), "train/global_step": 10 * i}) for i in range(count)
    ]


def test_what_wandb_wrote(tmp_path: Path) -> None:
    """The same run's log_history has these numbers."""
    path = tmp_path / "run-eq9kmgfk.wandb"
    path.write_bytes(gzip.decompress(SAMPLE.read_bytes()))
    record = read(path)
    assert record.source["reader"] == "wandb" and record.source["run"] == "tiny-llama"
    assert [p.step for p in record.points("loss")] == list(range(2, 41, 2))
    assert record.values("loss")[:2] == [4.182071685791016, 4.144899845123291]
    assert record.points("loss")[0].epoch == 0.2
    assert [p.step for p in record.points("eval_loss")] == [10, 20, 30, 40]
    assert record.values("eval_loss")[-1] == pytest.approx(3.063842296600342)
    assert set(record.series) >= {"learning_rate", "grad_norm", "eval_runtime"}
    wanted = {"learning_rate": 0.003, "batch_size": 8, "num_train_epochs": 4, "vocab_size": 64}
    assert {name: record.facts[name] for name in wanted} == wanted
    assert record.facts["finished"] is True and record.notes == ()


def test_values_that_are_no_numbers(tmp_path: Path) -> None:
    values = [1.0, math.nan, math.inf, -math.inf, 0.0, "NaN"]
    records = [row(i, loss=v, table={"_type": "table"}, note="fine") for i, v in enumerate(values)]
    record = read(write(tmp_path, *records))
    assert record.values("loss") == pytest.approx([*values[:5], math.nan], nan_ok=True)
    assert set(record.series) == {"loss"}


def test_values_by_their_kind(tmp_path: Path) -> None:
    """Newer versions write numbers as numbers; the step has a field of its own."""
    number = block(1, block(1, b"loss") + key(6, 1) + struct.pack("<d", 0.1))
    whole = block(1, block(1, b"lr") + key(5, 0) + varint(7))  # sint64: -4
    records = [block(2, number + whole + block(2, key(1, 0) + varint(i))) for i in (1, 2)]
    record = read(write(tmp_path, *records))
    assert record.values("loss") == [0.1, 0.1] and record.values("learning_rate") == [-4.0, -4.0]
    assert [p.step for p in record.points("loss")] == [1, 2]


def test_steps_of_the_trainer_are_taken_and_carried_on(tmp_path: Path) -> None:
    records = [*rows(3), row(3, **{"eval/loss": 1.5}), *rows(2)]
    record = read(write(tmp_path, *records))
    assert [p.step for p in record.points("loss")] == [0, 10, 20, 0, 10]
    assert [(p.step, p.seg) for p in record.points("eval_loss")] == [(20, 0)]
    assert [p.seg for p in record.points("loss")] == [0, 0, 0, 1, 1]


def test_settings_and_how_it_ended(tmp_path: Path) -> None:
    settings_of = config(learning_rate=1e-4, peft_config={"default": {"r": 8}}, bf16=True)
    record = read(write(tmp_path, settings_of, *rows(3), ended(1)))
    assert record.facts["learning_rate"] == 1e-4 and record.facts["lora_rank"] == 8
    assert record.facts["dtype"] == "bf16"
    assert record.facts["finished"] is False and "1" in record.facts["crash"]
    assert "crash" not in read(write(tmp_path, *rows(3), ended(255))).facts, "Ctrl-C is no crash"
    assert read(write(tmp_path, *rows(3), ended(0))).facts["finished"] is True
    assert "finished" not in read(write(tmp_path, *rows(3))).facts, "killed, or still running"


def test_the_error_that_was_printed_last(tmp_path: Path) -> None:
    """wandb keeps the console in pieces of any length."""
    trace = 'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: bad batch\n'
    printed = [block(13, block(3, trace[i : i + 7].encode())) for i in range(0, len(trace), 7)]
    record = read(write(tmp_path, *rows(3), *printed, ended(1)))
    assert record.facts["crash"] == "ValueError: bad batch" and record.facts["finished"] is False
    assert "crash" not in read(write(tmp_path, *rows(3), *printed, ended(0))).facts


def test_records_that_are_cut_by_blocks(tmp_path: Path) -> None:
    long = [row(i, loss=1 / (i + 1), text="x" * 50_000) for i in range(40)]
    assert len(read(write(tmp_path, *long)).points("loss")) == 40
    assert len(read(write(tmp_path, *rows(5000))).points("loss")) == 5000


def test_torn_at_many_places(tmp_path: Path) -> None:
    whole = framed(config(lr=1e-4), *rows(500))
    found = set()
    cuts = [*range(1, 600), *range(600, len(whole), 997)]
    for record in torn(tmp_path / "run-cut.wandb", whole, cuts):
        found.add(len(record.points("loss")))
        assert record.notes == () and "finished" not in record.facts
    assert found >= {1, 2, 3} and max(found) > 450


def test_damage_is_left_out_with_a_note(tmp_path: Path) -> None:
    data = bytearray(framed(*rows(500)))
    data[200] ^= 1
    path = tmp_path / "run-x.wandb"
    path.write_bytes(bytes(data) + b"\0" * 100)
    record = read(path)
    assert len(record.points("loss")) == 499 and len(record.notes) == 1


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(7, 40_000), byte=st.integers(0, 255))
def test_any_damage_is_read_or_refused(tmp_path: Path, at: int, byte: int) -> None:
    data = bytearray(framed(*rows(500)))
    data[at % len(data)] = byte
    path = tmp_path / "run-x.wandb"
    path.write_bytes(data)
    try:
        record = read(path, reader="wandb")
    except DataError:
        return
    assert set(record.values("loss")) <= {2 / (i + 1) for i in range(500)}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (framed(), "nothing was logged"),
        (framed(config(lr=1e-4), ended(0)), "nothing was logged"),
        (framed(row(0, loss=1.0))[:-1] + b"!", "damaged"),
        (b":W&B", "no known log format"),
    ],
)
def test_refused_with_the_reason(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "run-x.wandb"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        read(path)


def test_the_run_in_a_folder(tmp_path: Path) -> None:
    for day, count in (("20260101", 5), ("20260102", 4), ("20260103", 0)):
        write(tmp_path / "wandb" / f"offline-run-{day}_101010-{count}", *rows(count))
    (tmp_path / "wandb" / "latest-run").symlink_to(f"offline-run-20260103_101010-{0}")
    record = read(tmp_path / "wandb" / "offline-run-20260102_101010-4")
    assert len(record.points("loss")) == 4
    record = read(tmp_path)
    assert len(record.points("loss")) in (4, 5) and record.notes
