"""Readers of text logs that are no dictionaries, on lines as they are printed and on real files."""

import csv
import math
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from huohou.errors import DataError
from huohou.record.readers import read
from huohou.record.readers._epoch_lines import Entries, entry
from huohou.record.readers._source import Source
from huohou.record.readers._text import is_report
from huohou.record.record import Record

SHARED = Path(__file__).parents[3] / "shared" / "data"


def log(folder: Path, text: str | bytes, name: str = "a.txt") -> Record:
    path = folder / name
    path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    return read(path)


def test_torchtune(tmp_path: Path) -> None:
    text = "".join(
        f"Step {i} | loss:{2 - i / 10} lr:0.0003 tokens_per_second_per_gpu:812.3 grad_norm:0.8 \n"
        for i in range(1, 4)
    )
    record = log(tmp_path, text + "Step 4 | loss:nan lr:0.0003 ")
    assert record.source["reader"] == "torchtune"
    assert record.values("loss")[:3] == [1.9, 1.8, 1.7] and math.isnan(record.values("loss")[3])
    assert [(p.step, p.line) for p in record.points("grad_norm")] == [(1, 1), (2, 2), (3, 3)]
    assert record.values("learning_rate") == [0.0003] * 4


def test_bars_of_torchtune(tmp_path: Path) -> None:
    drawn = "\r1|1|Loss: 1.52:   1%| | 1/99 [00:01<01:00]" * 3 + "\r1|2|Loss: 1.25:   2%| | 2/99"
    record = log(tmp_path, drawn)
    assert record.source["reader"] == "torchtune"
    assert [(p.step, p.value) for p in record.points("loss")] == [(1, 1.52), (2, 1.25)]


def test_nanogpt(tmp_path: Path) -> None:
    text = """\
Overriding config with config/train.py:
batch_size = 12
gradient_accumulation_steps = 5 * 8  # of a node
Overriding: max_iters = 250
found vocab_size = 65 (inside data/meta.pkl)
step 0: train loss 4.2874, val loss 4.2823
iter 0: loss 4.2639, time 25857.56ms, mfu -100.00%
iter 10: loss nan, time 5.56ms, mfu 13.70%
step 250: train loss 1.9143, val loss 2.0356
"""
    record = log(tmp_path, text)
    assert record.source["reader"] == "nanogpt"
    assert record.values("eval_loss") == [4.2823, 2.0356]
    assert record.values("train_loss_at_eval") == [4.2874, 1.9143]
    assert record.values("loss")[0] == 4.2639 and math.isnan(record.values("loss")[1])
    assert [(p.step, p.line) for p in record.points("loss")] == [(0, 7), (10, 8)]
    facts = record.facts
    assert (facts["max_steps"], facts["vocab_size"], facts["finished"]) == (250, 65, True)
    assert (facts["batch_size"], facts["gradient_accumulation"]) == (12, 40)


def test_nanogpt_with_evaluations_only(tmp_path: Path) -> None:
    record = log(tmp_path, "step 0: train loss 4.2, val loss 4.3\nstep 9: train loss 3, val loss 4")
    assert record.values("loss") == [4.2, 3.0] and record.values("eval_loss") == [4.3, 4.0]


def test_modded_nanogpt(tmp_path: Path) -> None:
    text = """\
    print0(f"step:{step}/{steps} val_loss:{val_loss:.4f}")
step:0/300 val_loss:10.8258 train_time:0ms step_avg:nanms
step:10/300, tokens seen:4.72M, avg_train_loss:2.9974 time:47/nans step_avg:nanms
step:125/300 train_loss:3.5 train_time:76628ms step_avg:613.02ms
step:300/300 val_loss:3.2785 train_time:86628ms step_avg:613.02ms
"""
    record = log(tmp_path, text)
    assert record.source["reader"] == "modded-nanogpt"
    assert record.values("loss") == [2.9974, 3.5] and record.values("eval_loss") == [
        10.8258,
        3.2785,
    ]
    assert [(p.step, p.line) for p in record.points("eval_loss")] == [(0, 2), (300, 5)]
    assert record.facts["max_steps"] == 300 and record.facts["finished"] is True


def test_llmc_log(tmp_path: Path) -> None:
    text = "s:0 tel:11.0092\ns:0 trl:11.0091 lr:0.000001 norm:15.37\ns:1 trl:10.9 lr:0.000002 norm:15\ns:250 eval:0.2573\n"
    record = log(tmp_path, text)
    assert record.source["reader"] == "llm.c"
    assert [(p.step, p.value, p.line) for p in record.points("loss")] == [
        (0, 11.0091, 2),
        (1, 10.9, 3),
    ]
    assert record.values("eval_loss") == [11.0092] and record.values("eval_accuracy") == [0.2573]
    assert record.values("grad_norm") == [15.37, 15.0]


def test_llmc_console(tmp_path: Path) -> None:
    text = """\
| vocab_size V          | 50257                                              |
val loss 11.009277
step    1/60 | loss 11.009113 (+nanz)| norm 15.3736 (+nanz)| lr 8.57e-07 | 1234.56 ms | 58.6% bf16 MFU | 424242 tok/s
step    2/60 | loss 10.959 (+nanz)| norm 15.2 (+nanz)| lr 1.71e-06 | 1234.56 ms | 58.6% bf16 MFU | 424242 tok/s
val loss 10.7
"""
    record = log(tmp_path, text)
    assert record.source["reader"] == "llm.c"
    assert record.values("loss") == [11.009113, 10.959]
    assert record.values("learning_rate") == [8.57e-07, 1.71e-06]
    assert [(p.step, p.value) for p in record.points("eval_loss")] == [(0, 11.009277), (2, 10.7)]
    assert record.facts["max_steps"] == 60 and record.facts["vocab_size"] == 50257
    assert log(tmp_path, "step 0: train loss 5.35 (took 1253.2 ms)\n").values("loss") == [5.35]


def test_nanochat(tmp_path: Path) -> None:
    text = """\
Step 00000 | Validation bpb: 3.3084
step 00001/00200 (0.50%) | loss: 5.471677 | lrm: 1.00 | dt: 5.71ms | tok/sec: 22,429 | mfu: 0.00 | epoch: 1 | total time: 0.00m
step 00002/00200 (1.00%) | loss: nan | lrm: 0.90 | dt: 5.71ms | tok/sec: 22,429 | mfu: 0.00 | epoch: 1 | total time: 0.00m
"""
    record = log(tmp_path, text)
    assert record.source["reader"] == "nanochat"
    assert record.values("loss")[0] == 5.471677 and math.isnan(record.values("loss")[1])
    assert record.values("eval_bpb") == [3.3084] and record.values("lr_multiplier") == [1.0, 0.9]
    assert record.facts["max_steps"] == 200


def epochs(record: Record, name: str = "loss") -> list[tuple[int | None, float | None, float]]:
    assert record.source["reader"] == "epoch-lines"
    return [(p.step, p.epoch, p.value) for p in record.points(name)]


def test_epoch_lines(tmp_path: Path) -> None:
    text = "Epoch 1:  Train Loss: 0.2720, Val Loss: 0.2236\nEpoch 2:  Train Loss: 0.1930, Val Loss: 0.1658\n"
    record = log(tmp_path, text)
    assert epochs(record) == [(None, 1.0, 0.272), (None, 2.0, 0.193)]
    assert [(p.value, p.line) for p in record.points("eval_loss")] == [(0.2236, 1), (0.1658, 2)]
    text = "Epoch 0/2: train loss 0.5\nEpoch 1/2: train loss 0.4, val loss 0.2"
    assert epochs(log(tmp_path, text)) == [(None, 1.0, 0.5), (None, 2.0, 0.4)]
    record = log(tmp_path, "Epoch 175/175: train loss 0.0008, val loss 0.2")
    assert epochs(record) == [(None, 175.0, 0.0008)]
    assert record.facts["num_train_epochs"] == 175 and record.facts["finished"] is True
    record = log(
        tmp_path, "第 1 轮: 训练损失 0.5, 验证损失 0.6\n第 2 轮: 训练损失 0.4, 验证损失 0.5\n"
    )
    assert epochs(record, "eval_loss") == [(None, 1.0, 0.6), (None, 2.0, 0.5)]


def test_steps_counted_anew_in_each_epoch(tmp_path: Path) -> None:
    lines = [
        f"Epoch [{e}/2], Step [{s}/200], Loss: {3 - e - s / 200}"
        for e in (1, 2)
        for s in (100, 200)
    ]
    record = log(tmp_path, "\n".join(lines))
    assert epochs(record) == [(100, 0.5, 1.5), (200, 1.0, 1.0), (300, 1.5, 0.5), (400, 2.0, 0.0)]
    assert record.segments() == [0], "a new epoch is no new process"
    assert record.facts["max_steps"] == 400


def test_step_lines(tmp_path: Path) -> None:
    text = "[step 200] val loss: 1.6379\n[step 400] val loss: 1.5452\nCosine anneal 5e-5"
    record = log(tmp_path, text, "x.log")
    assert epochs(record, "eval_loss") == [(200, None, 1.6379), (400, None, 1.5452)]
    assert not record.points("loss")
    text = "Iter 1: Val loss 2.835, Val took 9.2s\nIter 10: Train loss 2.3, Learning Rate 1.000e-05, It/sec 1.1\n"
    record = log(tmp_path, text)
    assert epochs(record) == [(10, None, 2.3)] and record.values("learning_rate") == [1e-05]
    text = " iteration       10/     500 | consumed samples: 320 | learning rate: 1.5E-05 | lm loss: 1.25E+00 | loss scale: 1.0 | grad norm: 1.2 |"
    assert epochs(log(tmp_path, text)) == [(10, None, 1.25)]


def test_lines_without_a_place_are_counted(tmp_path: Path) -> None:
    record = log(tmp_path, "train_loss: 0.5 - val_loss: 0.6\ntrain_loss: 0.4 - val_loss: 0.5\n")
    assert [p.step for p in record.points("loss")] == [1, 2] and record.facts[
        "rows_counted"
    ] is True


def test_pytorch_examples(tmp_path: Path) -> None:
    text = ""
    for e in (1, 2):
        text += f"Train Epoch: {e} [0/60000 (0%)]\tLoss: 2.3\nTrain Epoch: {e} [30000/60000 (50%)]\tLoss: 1.{e}\n"
        text += "\nTest set: Average loss: 0.0488, Accuracy: 9842/10000 (98%)\n\n"
    record = log(tmp_path, text)
    assert epochs(record) == [
        (None, 0.0, 2.3),
        (None, 0.5, 1.1),
        (None, 1.0, 2.3),
        (None, 1.5, 1.2),
    ]
    assert (
        record.values("eval_loss") == [0.0488] * 2
        and record.values("eval_accuracy") == [0.9842] * 2
    )


@pytest.mark.parametrize("drawn", ["{0}/2 [====>...] - ETA: 4s - loss: 9.9000", "{0}/2 ━━━━ 4s 2ms/step - loss: 9.9"])  # fmt: skip
def test_keras(tmp_path: Path, drawn: str) -> None:
    text = ""
    for epoch, loss in ((1, 0.5), (2, 0.4)):
        end = "[=====]" if "=" in drawn else "━━━━"
        text += f"Epoch {epoch}/2\n\r" + drawn.format(1) + "\x08" * 9 + drawn.format(2)
        text += (
            f"\r2/2 {end} - 4s 2ms/step - loss: {loss} - accuracy: 0.91 - val_loss: {loss + 1}\n"
        )
    record = log(tmp_path, text)
    assert epochs(record) == [(None, 1.0, 0.5), (None, 2.0, 0.4)]
    assert record.values("eval_loss") == [1.5, 1.4] and record.facts["num_train_epochs"] == 2


def test_lightning_bars(tmp_path: Path) -> None:
    text = ""
    for epoch in (0, 1):
        for batch in (5, 10):
            text += f"\rEpoch {epoch}: {10 * batch}%|████  | {batch}/10 [00:05<00:00, 41.21it/s, v_num=0, train_loss={2 - epoch - batch / 10}, val_loss={epoch}]"
    record = log(tmp_path, text + "\n")
    assert epochs(record) == [(5, 0.5, 1.5), (10, 1.0, 1.0), (15, 1.5, 0.5), (20, 2.0, 0.0)]
    assert epochs(record, "eval_loss") == [(10, 1.0, 0.0), (20, 2.0, 1.0)], "of full bars only"


@pytest.mark.parametrize(
    "line",
    [
        "Loss: 0.3133 -> 0.3133 -> 0.3133...",
        "- Epoch 1: ~1.0-1.2",
        "loss < 0.3",
        "Epoch 3: loss 0.5-0.6",
        "Loss从3.69降到0.5左右",
        "Time for loss: 0.00",
        "loss scale: 65536, reducing to 32768",
        "step_avg:nanms no loss",
        "Dear diary, the loss was 3 today.",
    ],
)
def test_what_is_not_measured(line: str) -> None:
    assert entry(line) is None


def test_percent_fraction_and_split() -> None:
    told = entry("[Epoch 2] train: loss 0.3 acc 90.5% | val: loss 0.4 acc 8/10")
    assert told is not None
    assert told.values == {"loss": 0.3, "accuracy": 0.905, "eval_loss": 0.4, "eval_accuracy": 0.8}


LINES = (
    "Epoch {}/{}: train loss {}, val loss {}",
    "Epoch [{}/10], Step [{}/600], Loss: {} acc {}%",
    "2024-05-01 12:00:{:02},{} INFO step {} loss={} nan",
    "| epoch   {} |   {}/ 2983 batches | lr {} | loss  {} |",
)
NUMBERS = st.one_of(st.integers(0, 10**6), st.floats(allow_infinity=False), st.floats(0, 10))


@given(st.lists(st.tuples(st.sampled_from(LINES), st.lists(NUMBERS, min_size=4, max_size=4))))
@example([(LINES[1], [0.0, 1e15, 0, 0]), (LINES[1], [0.0, 0.0, 0, 0])])  # a step of 16 digits
@example([(LINES[1], [math.nan, 0, 0, 0]), (LINES[1], [0.0, 0, 0, 0])])  # no epoch, then one
def test_the_quick_way_reads_what_the_slow_one_does(
    drawn: list[tuple[str, list[float]]],
) -> None:
    quick = Entries()
    for template, numbers in drawn:
        line = re.sub(r"\{[^}]*\}", "{}", template).format(*numbers)
        assert repr(quick.entry(line)) == repr(entry(line))


def test_reports_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    path.write_text("## Result\n\n**Good**\n\n```\nEpoch 1: loss 0.5\n```\n\n- **lr** is fine\n")
    assert is_report(Source.open(path), 1)
    assert read(path).source["reader"] == "prose"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.sampled_from(["Epoch 1", "/", "2", ": ", "loss ", "0.5", "\n", "\r", "step ", "iter 1: loss 2, time ", "s:1 trl:", "9" * 400, "s:", "Step 1 | loss:", "step:1/2 val_loss:", "nan ", "1e999", "%|", "| 1/2 [", "é", "\x08", "Killed\n", "|3|Loss: "]), max_size=30))  # fmt: skip
def test_any_mixture_is_read_or_refused(tmp_path: Path, parts: list[str]) -> None:
    text = "".join(parts) or "x"
    for reader in (
        None,
        "torchtune",
        "nanogpt",
        "llm.c",
        "modded-nanogpt",
        "nanochat",
        "epoch-lines",
    ):
        path = tmp_path / "a.txt"
        path.write_text(text, encoding="utf-8")
        try:
            record = read(path, reader=reader)
        except DataError as error:
            assert str(error)
        else:
            assert record.source["reader"]


def shared() -> list[dict[str, str]]:
    """Text logs of public repositories with what was counted in them by hand."""
    index = SHARED / "INDEX.tsv"
    if not index.exists():
        return []
    with index.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row for row in rows if "[text:" in row["note"]]


def about(values: list[float], share: float) -> tuple[float, float]:
    """Means of the first and the last part of the finite values."""
    finite = [v for v in values if math.isfinite(v)]
    count = max(1, int(share * len(finite)))
    return sum(finite[:count]) / count, sum(finite[-count:]) / count


@pytest.mark.skipif(not shared(), reason="../shared/data is not beside the repository")
def test_shared_logs_have_the_numbers_of_their_notes() -> None:
    for row in shared():
        record = read(SHARED / row["local_path"])
        noted = dict(re.findall(r"\b(\w+)=(\S+?)(?=[\s\"]|$)", row["note"]))
        losses, evals = record.values("loss"), record.values("eval_loss")
        assert len(losses) == int(noted["n_train"]), row["local_path"]
        assert len(evals) == int(noted["n_eval"]), row["local_path"]
        if losses:
            ends = [float(noted["first"]), float(noted["last"])]
            assert list(about(losses, 0.05)) == pytest.approx(ends, rel=1e-3), row["local_path"]
        if evals:
            ends = [float(noted["ev_first"]), float(noted["ev_last"])]
            assert [evals[0], evals[-1]] == pytest.approx(ends, rel=1e-3), row["local_path"]
        if "max_steps" in noted:
            assert record.facts["max_steps"] == int(noted["max_steps"])
        if "lr_max" in noted:
            rate = max(record.values("learning_rate"))
            assert rate == pytest.approx(float(noted["lr_max"]), rel=1e-3)
        lines = Source.open(SHARED / row["local_path"]).text.split("\n")
        for point in record.points("loss")[::50]:
            assert point.line
            written = re.findall(r"\d+\.\d+|nan", lines[point.line - 1])
            assert str(point.value) in [str(float(number)) for number in written]


@pytest.mark.skipif(not shared(), reason="../shared/data is not beside the repository")
@pytest.mark.parametrize(
    ("path", "crash"),
    [
        ("karpathy__nanoGPT/lozo_training.log", "KeyError: '_orig_mod.transformer.wte.weight'"),
        (
            "karpathy__nanoGPT/wandb/run-20260329_010327-z2rkcddo/files/output.log",
            "KeyboardInterrupt",
        ),
        ("KellerJordan__modded-nanogpt/last_logs__89d21f40.txt", "Exception: expected"),
        ("KellerJordan__modded-nanogpt/test_logs_euclidean.txt", "Received Signals.SIGINT"),
    ],
)
def test_shared_logs_that_ended_with_an_error(path: str, crash: str) -> None:
    record = read(SHARED / "logs" / path)
    assert str(record.facts["crash"]).startswith(crash)
    assert record.facts.get("interrupted", False) is not crash.startswith("E") or "Key" in crash


@pytest.mark.skipif(not shared(), reason="../shared/data is not beside the repository")
@pytest.mark.parametrize(
    "path", ["karpathy__nanochat/a3.log", "huggingface__trl/logs/9485900/slurm.out"]
)
def test_shared_texts_that_are_no_logs(path: str) -> None:
    with pytest.raises(DataError):
        read(SHARED / "logs" / path)
