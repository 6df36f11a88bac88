"""TensorBoard's event files: real ones, torn and damaged ones, and the layouts of other writers.

Files are put together here byte by byte, so that no other library is needed; ``samples/`` holds
a file that transformers wrote, and the figures of the shared logs are their index's.
"""

import csv
import json
import math
import re
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torn import torn

from huohou.errors import DataError
from huohou.record.readers import read
from huohou.record.readers._tfrecord import checksum
from waiting import no_longer
from wire import block, key, varint

SAMPLES = Path(__file__).parent / "samples"
SAMPLE = next((SAMPLES / "tensorboard").iterdir())
SHARED = Path(__file__).parents[3] / "shared" / "data"
NAME = "events.out.tfevents.1700000000.host.11.0"


def scalar(tag: str, value: float) -> bytes:
    return block(1, block(1, tag.encode()) + key(2, 5) + struct.pack("<f", value))


def tensor(tag: str, inside: bytes, plugin: bytes = b"scalars") -> bytes:
    metadata = block(9, block(1, block(1, plugin)))
    return block(1, block(1, tag.encode()) + block(8, inside) + metadata)


def event(step: int, *values: bytes, time: float | None = None) -> bytes:
    at = key(2, 0) + varint(step) if step else b""  # proto3 does not write a 0
    clock = 1.7e9 + step if time is None else time
    return key(1, 1) + struct.pack("<d", clock) + at + block(5, b"".join(values))


def framed(content: bytes) -> bytes:
    head = struct.pack("<Q", len(content))
    crcs = (struct.pack("<I", checksum(part)) for part in (head, content))
    return head + next(crcs) + content + next(crcs)


HEADING = framed(key(1, 1) + struct.pack("<d", 1.7e9) + block(3, b"brain.Event:2"))


def write(folder: Path, *events: bytes, name: str = NAME) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(HEADING + b"".join(framed(one) for one in events))
    return path


def falling(steps: range, tag: str = "train/loss") -> list[bytes]:
    return [event(step, scalar(tag, 2.0 / (step + 1))) for step in steps]


def test_what_transformers_wrote() -> None:
    """The same run's log_history has these numbers; TensorBoard keeps 32 bits of each."""
    record = read(SAMPLE)
    assert record.source["reader"] == "tensorboard"
    assert [p.step for p in record.points("loss")] == list(range(2, 41, 2))
    assert record.values("loss")[:2] == pytest.approx([4.182071685791016, 4.144899845123291])
    assert record.points("loss")[0].epoch == pytest.approx(0.2)
    assert [p.step for p in record.points("eval_loss")] == [10, 20, 30, 40]
    assert record.points("learning_rate")[0].value == pytest.approx(0.00075)
    assert record.points("grad_norm")[1].value == pytest.approx(0.843373715877533)
    assert {"train_loss", "train_runtime"} <= set(record.facts["summary"])
    assert not {"train_loss", "train_runtime", "total_flos", "epoch"} & set(record.series)
    assert record.facts["finished"] is True and record.facts["global_step"] == 40
    wanted = {"learning_rate": 0.003, "batch_size": 8, "num_train_epochs": 4, "vocab_size": 64}
    assert {name: record.facts[name] for name in wanted} == wanted
    assert record.notes == () and record.segments() == [0]


def test_what_is_evaluated_after_the_end_judges_other_weights(tmp_path: Path) -> None:
    rows = [*falling(range(1, 9)), event(4, scalar("eval/loss", 0.7))]
    rows += [event(8, scalar("train/train_runtime", 5.0), scalar("train/train_loss", 0.5))]
    record = read(write(tmp_path, *rows, event(8, scalar("eval/loss", 0.6))))
    assert record.values("eval_loss") == pytest.approx([0.7])
    assert record.facts["after_training"] == pytest.approx({"eval_loss": 0.6})
    assert record.facts["summary"]["train_loss"] == pytest.approx(0.5)


@pytest.mark.parametrize("count", [3, 200], ids=["one by one", "many at once"])
@pytest.mark.parametrize(
    ("inside", "value"),
    [
        (key(1, 0) + b"\x01" + block(5, struct.pack("<f", 0.5)), 0.5),
        (key(1, 0) + b"\x01" + key(5, 5) + struct.pack("<f", 0.5), 0.5),
        (key(1, 0) + b"\x02" + block(6, struct.pack("<d", 0.1)), 0.1),
        (key(1, 0) + b"\x01" + block(2, b"") + block(4, struct.pack("<f", 0.25)), 0.25),
        (key(1, 0) + b"\x02" + block(4, struct.pack("<d", 0.1)), 0.1),
        (key(1, 0) + b"\x13" + block(4, struct.pack("<e", 0.5)), 0.5),
        (key(1, 0) + b"\x13" + block(13, varint(0x3800)), 0.5),
        (key(1, 0) + b"\x0e" + block(4, b"\x00\x3f"), 0.5),
        (key(1, 0) + b"\x03" + block(7, varint(300)), 300.0),
        (key(1, 0) + b"\x09" + key(10, 0) + varint(2**64 - 2), -2.0),
        (key(1, 0) + b"\x09" + block(4, struct.pack("<q", -5)), -5.0),
        (key(1, 0) + b"\x01" + block(4, struct.pack("<f", math.nan)), math.nan),
        (key(1, 0) + b"\x01" + block(4, struct.pack("<f", -math.inf)), -math.inf),
    ],
)
def test_scalars_in_tensors(tmp_path: Path, count: int, inside: bytes, value: float) -> None:
    path = write(tmp_path, *(event(step, tensor("loss", inside)) for step in range(count)))
    points = read(path).points("loss")
    assert [p.step for p in points] == list(range(count))
    assert [p.value for p in points] == pytest.approx([value] * count, nan_ok=True)


def test_nan_infinity_and_zero_are_values(tmp_path: Path) -> None:
    values = [1.0, math.nan, math.inf, -math.inf, 0.0, -0.0] * 40
    path = write(tmp_path, *(event(i, scalar("loss", v)) for i, v in enumerate(values)))
    assert read(path).values("loss") == pytest.approx(values, nan_ok=True)


def test_several_numbers_in_an_event_and_pictures_beside(tmp_path: Path) -> None:
    picture = block(1, block(1, b"image") + block(4, b"\x89PNG" * 900))
    histogram = tensor("weights", key(1, 0) + b"\x02" + block(6, b"\0" * 80), b"histograms")
    rows = [event(i, scalar("loss", i), scalar("lr", 2 * i), histogram, picture) for i in range(60)]
    record = read(write(tmp_path, *rows))
    assert record.values("loss") == list(range(60))
    assert record.values("learning_rate") == [2 * i for i in range(60)]
    assert set(record.series) == {"loss", "learning_rate"}


def test_many_tags_of_one_length(tmp_path: Path) -> None:
    """As histograms of gradients by layer have: each tag keeps its own values."""
    tags = [f"grad/layer.{i:02}" for i in range(99)]
    rows = [event(s, scalar(tag, 100 * i + s)) for s in range(1, 31) for i, tag in enumerate(tags)]
    record = read(write(tmp_path, *rows, *falling(range(40))))
    assert len(record.series) == 100 and len(record.points("loss")) == 40
    for i in range(99):
        assert record.values(f"grad_layer_{i:02}") == [100 * i + s for s in range(1, 31)]


def test_negative_and_large_steps(tmp_path: Path) -> None:
    steps = [0, 127, 128, 16383, 16384, 2**31, 2**40]
    record = read(write(tmp_path, *(event(s, scalar("loss", 1.0), time=s) for s in steps)))
    assert [p.step for p in record.points("loss")] == steps
    assert [p.t for p in record.points("loss")] == steps


def test_steps_that_go_back_are_one_restart(tmp_path: Path) -> None:
    def rows(steps: range) -> list[bytes]:
        pairs = [
            [event(s, scalar("train/loss", 1 / (s + 1))), event(s, scalar("train/lr", 1e-4))]
            for s in steps
        ]
        return [one for pair in pairs for one in pair]

    late = [event(10, scalar("eval/loss", 1.0)), event(20, scalar("eval/loss", 0.9))]
    again = [event(10, scalar("eval/loss", 1.1)), event(20, scalar("eval/loss", 1.0))]
    record = read(write(tmp_path, *rows(range(1, 31)), *late, *rows(range(1, 41)), *again))
    assert record.segments() == [0, 1]
    for name in ("loss", "learning_rate", "eval_loss"):
        points = record.points(name)
        begin = next(i for i, p in enumerate(points) if p.seg == 1)
        assert all(p.seg == 1 for p in points[begin:]) and points[begin].step in (1, 10), name


def test_a_tag_that_jumps_about_is_sorted(tmp_path: Path) -> None:
    rows = [event(step ^ 1, scalar("loss", step ^ 1)) for step in range(40)]
    record = read(write(tmp_path, *rows))
    assert record.values("loss") == list(range(40)) and record.segments() == [0]
    assert len(record.notes) == 1


def test_torn_at_every_place(tmp_path: Path) -> None:
    whole = write(tmp_path, *falling(range(30))).read_bytes()
    (tmp_path / "cut").mkdir()
    lengths = set()
    for record in torn(tmp_path / "cut" / NAME, whole, range(1, len(whole))):
        lengths.add(len(record.points("loss")))
        assert record.notes == (), "a cut tail is normal"
    assert lengths == set(range(1, 30))


@pytest.mark.parametrize("count", [20, 400], ids=["one by one", "many at once"])
def test_damaged_contents_are_left_out_with_a_note(tmp_path: Path, count: int) -> None:
    path = write(tmp_path, *falling(range(count)))
    data = bytearray(path.read_bytes())
    content = len(HEADING) + 12 + len(framed(event(0, scalar("train/loss", 2.0))))
    data[content + 5] ^= 0x40  # in the time of the second one
    path.write_bytes(data)
    record = read(path)
    assert [p.step for p in record.points("loss")] == [0, *range(2, count)]
    assert "1" in record.notes[0]


def test_after_a_damaged_length_it_goes_on_at_the_next_record(tmp_path: Path) -> None:
    path = write(tmp_path, *falling(range(100)))
    data = bytearray(path.read_bytes())
    third = len(HEADING) + sum(len(framed(one)) for one in falling(range(3)))
    data[third : third + 12] = b"\xff" * 12
    path.write_bytes(bytes(data) + b"\0" * 4096)  # and a tail of zeros, as disks leave them
    record = read(path)
    assert [p.step for p in record.points("loss")] == [0, 1, 2, *range(4, 100)]
    assert "2" in record.notes[0]


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(0, 3000), byte=st.integers(0, 255), cut=st.integers(0, 3000))
def test_any_damage_is_read_or_refused(tmp_path: Path, at: int, byte: int, cut: int) -> None:
    path = write(tmp_path, *falling(range(60)))
    data = bytearray(path.read_bytes())
    data[at % len(data)] = byte
    path.write_bytes(data[: max(1, len(data) - cut)])
    try:
        record = read(path, reader="tensorboard")
    except DataError:
        return
    intact = [struct.unpack("<f", struct.pack("<f", 2.0 / (s + 1)))[0] for s in range(60)]
    assert set(record.values("loss")) <= set(intact), "no value that was not written"


def test_a_folder_is_one_run(tmp_path: Path) -> None:
    write(tmp_path, *falling(range(1, 21)))
    resumed = [event(s, scalar("train/loss", 1 / s), time=1.7e9 + 100 + s) for s in range(11, 31)]
    write(tmp_path, *resumed, name="events.out.tfevents.1700000100.host.12.0")
    write(tmp_path / "validation", event(9, scalar("loss", 0.5)))
    record = read(tmp_path)
    assert [p.seg for p in record.points("loss")] == [0] * 20 + [1] * 20
    assert record.values("eval_loss") == [0.5]
    assert len(record.source["files"]) == 3


def test_a_copy_of_an_earlier_state_is_not_read_twice(tmp_path: Path) -> None:
    path = write(tmp_path, *falling(range(30)))
    data = path.read_bytes()
    path.with_name(NAME.replace("host", "host__old")).write_bytes(data[: len(data) // 2])
    record = read(tmp_path)
    assert len(record.points("loss")) == 30 and record.segments() == [0]


def test_keras_counts_epochs(tmp_path: Path) -> None:
    for folder, factor in (("train", 1.0), ("validation", 1.5)):
        rows = [event(epoch, scalar("epoch_loss", factor / (epoch + 1))) for epoch in range(4)]
        write(tmp_path / folder, *rows, name=f"{NAME}.v2")
    record = read(tmp_path)
    assert record.values("loss") == pytest.approx([1.0, 0.5, 1 / 3, 0.25])
    assert record.values("eval_loss") == pytest.approx([1.5, 0.75, 0.5, 0.375])
    assert [(p.step, p.epoch) for p in record.points("loss")][:2] == [(None, 1.0), (None, 2.0)]


def test_curves_of_one_chart_and_settings_in_folders_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, *falling(range(3), "lr"))
    for part in ("train", "val"):
        rows = falling(range(9), "Loss")
        write(tmp_path / f"Loss_{part}", *rows, name=NAME.replace(".0", f".{part == 'val'}"))
    session = block(1, block(1, b"batch_size") + block(2, key(2, 1) + struct.pack("<d", 8.0)))
    plugin = block(1, block(1, b"hparams") + block(2, block(3, session)))
    hparams = block(1, block(1, b"_hparams_/session_start_info") + block(9, plugin))
    write(tmp_path / "1700000000.123", event(0, hparams))
    record = read(tmp_path)
    assert len(record.points("loss")) == len(record.points("eval_loss")) == 9
    assert record.facts["batch_size"] == 8


def test_the_newest_of_several_runs(tmp_path: Path) -> None:
    for i in range(3):
        rows = falling(range(5 + i)) if i < 2 else []
        write(
            tmp_path / "runs" / f"run{i}", *rows, name=f"events.out.tfevents.170000000{i}.h.{i}.0"
        )
    record = read(tmp_path)
    assert Path(record.source["path"]).parent.name == "run1", "the newest with points"
    assert any("run0" in note for note in record.notes)


def test_names_of_other_writers(tmp_path: Path) -> None:
    tags = {
        "Loss/Train": "loss", "Loss/Validation": "eval_loss", "learning-rate": "learning_rate",
        "grad-norm": "grad_norm", "Accuracy/val": "eval_accuracy", "train/token_acc": "token_acc",
        "eval/mine_loss": "eval_mine_loss", "val_f1": "eval_f1",
    }  # fmt: skip
    record = read(write(tmp_path, *(event(1, scalar(tag, 0.5)) for tag in tags)))
    assert set(record.series) == set(tags.values())


def test_the_only_loss_is_taken_for_it_and_that_is_said(tmp_path: Path) -> None:
    record = read(write(tmp_path, *falling(range(5), "policy/xent_loss")))
    assert len(record.points("loss")) == 5 and "policy" in record.notes[0]


def test_settings_in_a_text(tmp_path: Path) -> None:
    text = json.dumps({"learning_rate": 1e-4, "gradient_accumulation_steps": 4, "max_steps": -1})
    inside = key(1, 0) + b"\x07" + block(8, text.encode())
    story = key(1, 0) + b"\x07" + block(8, b'{"learning_rate": 9}')
    rows = [event(0, tensor("args/text_summary", inside, b"text"))]
    rows += [event(5, tensor("sample/text_summary", story, b"text")), *falling(range(5))]
    facts = read(write(tmp_path, *rows)).facts
    assert facts == {"learning_rate": 1e-4, "gradient_accumulation": 4}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HEADING, "heading"),
        (HEADING + framed(event(9, scalar("train/train_runtime", 1.0))), "summary"),
        (HEADING + framed(event(9, scalar("loss", 1.0)))[:-1] + b"!", "damaged"),
    ],
)
def test_refused_with_the_reason(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / NAME).write_bytes(content)
    for place in (tmp_path / NAME, tmp_path):
        with pytest.raises(DataError, match=words):
            read(place)


def test_no_event_file(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"\x18\0\0\0\0\0\0\0nothing of the kind" * 40)
    with pytest.raises(DataError):
        read(tmp_path / NAME)
    with pytest.raises(DataError, match="damaged"):
        read(tmp_path / NAME, reader="tensorboard")


def test_many_records_take_little_memory_and_do_not_hang(tmp_path: Path) -> None:
    one = framed(event(300, scalar("train/loss", 1.0)))
    path = tmp_path / NAME
    path.write_bytes(HEADING + one * 50_000)
    tracemalloc.start()
    try:
        with no_longer():
            assert len(read(path).points("loss")) == 50_000
        assert tracemalloc.get_traced_memory()[1] < 10 * path.stat().st_size
    finally:
        tracemalloc.stop()


def noted(note: str, name: str) -> float | None:
    match = re.search(rf"\b{name}=([-\d.e+]+)", note)
    return float(match[1]) if match else None


@pytest.mark.skipif(
    not (SHARED / "INDEX.tsv").exists(), reason="../shared/data is not beside the repository"
)
def test_shared_logs_have_the_numbers_of_their_index() -> None:
    with (SHARED / "INDEX.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    logs = [row for row in rows if "tfevents" in row["local_path"]]
    assert len(logs) >= 15
    for row in logs:
        path, note = SHARED / row["local_path"], row["note"]
        if (noted(note, "n_train") or 0) < 2 and not noted(note, "n_eval"):
            continue  # nothing logged, or the summary alone: refused, see below
        check(read(path), note)


def check(record: Any, note: str) -> None:
    summary = record.facts.get("summary", {})
    losses = [*record.values("loss"), *([summary["train_loss"]] if summary else [])]
    assert len(losses) == noted(note, "n_train"), "the index counts the summary's mean, too"
    assert len(record.points("eval_loss")) == noted(note, "n_eval")
    figures: dict[str, float] = {"min": min(losses)}
    if evals := record.values("eval_loss"):
        figures |= {"ev_first": evals[0], "ev_min": min(evals), "ev_last": evals[-1]}
    if rates := record.values("learning_rate"):
        figures["lr_max"] = max(rates)
    if len(losses) < 20:  # of longer ones the index has the mean of the first and last
        figures |= {"first": losses[0], "last": losses[-1]}
    for name, value in figures.items():
        assert value == pytest.approx(noted(note, name), rel=2e-3), (name, note)


@pytest.mark.skipif(
    not (SHARED / "INDEX.tsv").exists(), reason="../shared/data is not beside the repository"
)
@pytest.mark.parametrize(
    "place", ["m7b-guanaco/runs/Sep28_11-05-10_beast", "autoreply/runs/Mar22_18-31-22_b42307bf190c"]
)
def test_shared_logs_without_a_curve_are_refused(place: str) -> None:
    with pytest.raises(DataError, match=r"settings only|only the summary"):
        read(SHARED / "logs" / "huggingface__autotrain-advanced" / place)
