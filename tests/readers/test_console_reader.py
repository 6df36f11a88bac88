"""What Trainer and LLaMA-Factory print: rows among bars, stamps and noise; steps only if proven."""

import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huohou.errors import DataError
from huohou.record.readers import read
from huohou.record.readers._dicts import flat
from huohou.record.record import Record

START = """\
***** Running training *****
  Num examples = 1,000
  Num Epochs = 3
  Instantaneous batch size per device = 8
  Gradient Accumulation steps = 4
  Total optimization steps = 90
  Number of trainable parameters = 3,407,872
"""


def log(folder: Path, text: str | bytes, name: str = "train.log") -> Path:
    path = folder / name
    path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    return path


def console(folder: Path, text: str | bytes) -> Record:
    record = read(log(folder, text))
    assert record.source["reader"] == "console"
    return record


def bar(step: int, total: int = 90) -> str:
    return f"\r {100 * step // total}%|██▏       | {step}/{total} [00:01<00:05, 13.0it/s]"


def row(step: int, loss: object = 2.5, total: int = 90) -> str:
    return f"{{'loss': {loss}, 'grad_norm': 1.25, 'learning_rate': 5e-05, 'epoch': {3 * step / total:.2f}}}"


def test_floats_of_version_4(tmp_path: Path) -> None:
    text = "{'loss': 3.63, 'grad_norm': 2.2, 'learning_rate': 5e-05, 'epoch': 0.43}\nnoise\n"
    record = console(tmp_path, text + "{'eval_loss': 2.9, 'eval_runtime': 1.5, 'epoch': 0.87}\n")
    (point,) = record.points("loss")
    assert (point.value, point.epoch, point.step, point.line) == (3.63, 0.43, None, 1)
    assert record.values("learning_rate") == [5e-05] and record.values("grad_norm") == [2.2]
    assert [(p.value, p.line) for p in record.points("eval_loss")] == [(2.9, 3)]


def test_strings_of_version_5(tmp_path: Path) -> None:
    record = console(tmp_path, "{'loss': '3.631', 'num_tokens': '1.133e+04', 'epoch': '0.4348'}\n")
    assert record.values("loss") == [3.631] and record.values("num_tokens") == [11330.0]
    assert record.points("loss")[0].epoch == 0.4348


def test_not_a_number_is_a_value(tmp_path: Path) -> None:
    text = "{'loss': nan, 'grad_norm': inf, 'epoch': 0.1}\n{'loss': 0.0, 'grad_norm': 'nan', 'x': None, 'epoch': 0.2}\n"
    record = console(tmp_path, text)
    assert math.isnan(record.values("loss")[0]) and record.values("loss")[1] == 0.0
    assert record.values("grad_norm")[0] == math.inf and math.isnan(record.values("grad_norm")[1])
    assert "x" not in record.series


def test_llamafactory_console(tmp_path: Path) -> None:
    line = "[INFO|2025-05-06 22:22:{}] llamafactory.train.callbacks:143 >> {{'loss': {}, 'learning_rate': 4.5641e-05, 'epoch': {}, 'throughput': 1954.49}}\n"
    record = console(tmp_path, line.format("43", 0.0015, 174.0) + line.format("53", 0.0008, 175.0))
    assert record.values("loss") == [0.0015, 0.0008]
    assert record.values("throughput") == [1954.49] * 2
    first, last = record.points("loss")
    assert first.t is not None and last.t is not None and last.t - first.t == 10


def test_facts_of_the_start_and_the_summary(tmp_path: Path) -> None:
    text = START + "trainable params: 3407872 || all params: 7245139968 || trainable%: 0.0470\n"
    text += row(30) + "\n" + row(60) + "\n"
    text += "{'train_runtime': 1.56, 'train_samples_per_second': 307.8, 'train_loss': 1.75, 'epoch': 3.0}\n"
    text += "{'eval_loss': 1.9, 'epoch': 3.0}\n"
    record = console(tmp_path, text)
    facts = record.facts
    assert (facts["rows"], facts["num_train_epochs"], facts["max_steps"]) == (1000, 3, 90)
    assert (facts["batch_size"], facts["gradient_accumulation"]) == (8, 4)
    assert (facts["trainable_parameters"], facts["parameters"]) == (3407872, 7245139968)
    assert facts["summary"]["train_loss"] == 1.75 and facts["finished"] is True
    assert facts["global_step"] == 90, "it came to its end, so all updates were done"
    assert facts["after_training"] == {"eval_loss": 1.9}
    assert len(record.points("loss")) == 2 and not record.points("eval_loss")


def test_tables_of_metrics(tmp_path: Path) -> None:
    text = row(30) + "\n***** eval metrics *****\n  epoch                   =        3.0\n"
    text += "  eval_loss               =     4.1603\n  eval_runtime            = 0:00:01.50\n"
    text += "***** predict metrics *****\n  predict_bleu-4             =    90.8722\n"
    record = console(tmp_path, text)
    assert record.facts["after_training"] == {"eval_loss": 4.1603, "eval_runtime": 1.5}
    (figure,) = record.figures
    assert (figure.name, figure.value, figure.line) == ("predict_bleu-4", 90.8722, 7)


def test_step_of_the_bar_drawn_after_the_row(tmp_path: Path) -> None:
    text = bar(0)
    for step in (10, 20, 30):  # the bar before is old, as tqdm skips drawings
        text += bar(step - 3) + "\r" + " " * 50 + "\r\x1b[32m" + row(step) + "\x1b[0m\n" + bar(step)
    record = console(tmp_path, text)
    assert [p.step for p in record.points("loss")] == [10, 20, 30]
    assert record.facts["max_steps"] == 90 and record.facts["finished"] is False


def test_bar_of_the_evaluation_is_no_step(tmp_path: Path) -> None:
    text = row(10) + "\n" + bar(10) + row(20) + "\n" + bar(20) + "\n" + bar(2, 5)
    text += "\r{'eval_loss': 2.0, 'epoch': 0.67}\n" + bar(5, 5) + "\n" + bar(20)
    record = console(tmp_path, text)
    assert [p.step for p in record.points("eval_loss")] == [20]


def test_rows_apart_from_their_bars_have_no_step(tmp_path: Path) -> None:
    bars = "".join(bar(step) for step in range(91))
    record = console(tmp_path, bars + "\n" + "\n".join(row(step) for step in (10, 20, 30)) + "\n")
    assert [(p.step, p.epoch) for p in record.points("loss")] == [
        (None, 0.33),
        (None, 0.67),
        (None, 1.0),
    ]


def test_bars_that_do_not_fit_the_epochs_are_not_believed(tmp_path: Path) -> None:
    text = "".join(row(step) + "\n" + bar(seen) for step, seen in ((10, 10), (20, 60), (30, 70)))
    assert [p.step for p in console(tmp_path, text).points("loss")] == [None] * 3


def test_step_in_the_row(tmp_path: Path) -> None:
    text = "{'loss': 2.0, 'epoch': 0.1, 'global_step/max_steps': '5/20', 'percentage': '25%'}\n"
    assert console(tmp_path, text).points("loss")[0].step == 5


def test_second_process_in_one_file(tmp_path: Path) -> None:
    again = START + row(10, 2.9) + "\n"
    record = console(tmp_path, START + row(10, 3.0) + "\n" + row(20, 2.0) + "\n" + again)
    assert [p.seg for p in record.points("loss")] == [0, 0, 1]
    resumed = "Continuing training from global step 20\n" + START + row(30, 1.8) + "\n"
    record = console(tmp_path, START + row(10, 3.0) + "\n" + row(20, 2.0) + "\n" + resumed)
    assert [p.seg for p in record.points("loss")] == [0, 0, 1], "the epoch goes on, the process not"
    assert record.facts["resumed_from"] == 20
    bare = row(10, 3.0) + "\n" + row(20, 2.0) + "\n" + row(10, 2.9) + "\n"
    assert [p.seg for p in console(tmp_path, bare).points("loss")] == [0, 0, 1]


def test_training_after_a_finished_one(tmp_path: Path) -> None:
    end = "{'train_runtime': 1.5, 'train_loss': 1.7, 'epoch': 3.0}\n"
    record = console(tmp_path, row(10) + "\n" + end + row(10) + "\n")
    assert [p.seg for p in record.points("loss")] == [0, 1]
    assert "summary" not in record.facts and "finished" not in record.facts


def test_rows_of_two_processes_are_read_once(tmp_path: Path) -> None:
    rows = [row(step, 3 - step / 90) for step in range(10, 90, 10)]
    record = console(tmp_path, "\n".join(line for line in rows for _ in range(2)))
    assert len(record.points("loss")) == 8 and "2" in record.notes[0]


def test_rows_of_the_trainer_and_of_llamafactory_are_read_once(tmp_path: Path) -> None:
    text = ""
    for step in range(10, 90, 10):
        loss, epoch = 3 - step / 90 + 1 / 3e5, step / 30
        text += f"{{'loss': {loss:.4f}, 'grad_norm': 1.123456789, 'learning_rate': 4.566094780413215e-05, 'epoch': {epoch:.2f}}}\n"
        text += f"[INFO|2025-05-06 22:22:43] x:143 >> {{'loss': {loss:.4f}, 'learning_rate': 4.5661e-05, 'epoch': {epoch:.2f}}}\n"
    record = console(tmp_path, text)
    assert len(record.points("loss")) == len(record.points("grad_norm")) == 8


def test_a_stuck_loss_is_not_taken_for_copies(tmp_path: Path) -> None:
    dead = ["{'loss': 0.0, 'grad_norm': nan, 'learning_rate': 5e-05, 'epoch': 0.5}"] * 5
    rows = [row(step, 3 - step / 90) for step in (2, 4, 6, 8, 10)]
    record = console(tmp_path, "\n".join(rows + dead))
    assert len(record.points("loss")) == 10


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-8"])
def test_encodings_and_line_ends(tmp_path: Path, codec: str) -> None:
    text = "\r\n".join([row(10), "中文", row(20)])
    points = console(tmp_path, text.encode(codec)).points("loss")
    assert [p.line for p in points] == [1, 3]
    old_mac = "\r".join([row(10), "x", row(20)])
    assert [p.line for p in console(tmp_path, old_mac).points("loss")] == [1, 3]


def test_cut_off_last_line_and_one_line(tmp_path: Path) -> None:
    assert len(console(tmp_path, row(10) + "\n{'loss': 2.2, 'gra").points("loss")) == 1
    assert len(console(tmp_path, row(10)).points("loss")) == 1


def test_other_dictionaries_are_no_rows(tmp_path: Path) -> None:
    config = "{'optimizer': 'sgd', 'loss': 'mean_absolute_error', 'epoch': 10, 'batchsize': 20}\n"
    with pytest.raises(DataError):
        read(log(tmp_path, config))
    assert len(console(tmp_path, config + row(10)).points("loss")) == 1


def test_started_and_nothing_more(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no loss"):
        read(log(tmp_path, START))


def test_report_with_such_lines_is_left_alone(tmp_path: Path) -> None:
    text = f"# Results\n\n## Log\n```\n{row(10)}\n{row(20)}\n```\n\n## What it says\n- **loss**: fine\n- **lr**: fine\n"
    assert read(log(tmp_path, text, "report.md")).source["reader"] == "prose"
    assert read(log(tmp_path, text, "train.log")).source["reader"] == "console", "so it is called"


NUMBERS = st.one_of(st.floats(), st.integers(-(10**6), 10**6))


@given(st.dictionaries(st.from_regex(r"[a-z_/@]{1,12}", fullmatch=True), NUMBERS, min_size=1))
def test_flat_reads_what_python_prints(printed: dict[str, float]) -> None:
    found = flat(str(printed))
    assert found is not None and found.keys() == printed.keys()
    for name, value in printed.items():
        assert found[name] == value or (math.isnan(found[name]) and math.isnan(value))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.sampled_from(["{'loss': ", "1.0, ", "'epoch': 0.5", "}", "\r", "\n", "\x1b[A", "nan", "***** Running training *****", " 5%|", "| 1/2 [", "é", "\0", "Traceback (most recent call last)", "  Num examples = 9"]), max_size=40))  # fmt: skip
def test_any_mixture_is_read_or_refused(tmp_path: Path, parts: list[str]) -> None:
    try:
        record = read(log(tmp_path, "".join(parts) or "x"), reader="console")
    except DataError as error:
        assert str(error)
    else:
        assert record.series or record.facts
