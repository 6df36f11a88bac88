"""Reports in words: what was measured is read, what is expected, advised or supposed is not."""

import contextlib
import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huohou.errors import DataError
from huohou.record.readers import read
from huohou.record.readers._source import Source
from huohou.record.readers.prose import LARGEST, read_prose
from huohou.record.readers.prose.listing import PACKED, in_order, unpacked
from huohou.record.record import Record
from waiting import no_longer


def prose(words: str) -> Record:
    return read_prose(Source(Path("report.md"), words.encode("utf-8")))


def curve(words: str) -> list[tuple[float | None, float]]:
    return [(p.epoch, p.value) for p in prose(words).points("loss")]


TWO = [(1.0, 0.5), (2.0, 0.4)]


@pytest.mark.parametrize(
    "words",
    [
        "Epoch 1: loss 0.5\nEpoch 2: loss 0.4\n",
        "epoch 1/2 - loss: 0.5 - val_loss: 0.6\nepoch 2/2 - loss: 0.4 - val_loss: 0.5\n",
        "After epoch 1 the training loss was 0.5 and after epoch 2 the training loss was 0.4.\n"
        "- epoch 1, train loss = 0.5\n- epoch 2, train loss = 0.4\n",
        "第1轮：训练损失为0.5；第2轮：训练损失为0.4。\n",
        "第 1 个 epoch，loss 降到 0.5\n第 2 个 epoch，loss 降到 0.4\n",
        "| Epoch | Train loss |\n|---|---|\n| 1 | **0.5** |\n| 2 | 0.4 |\n",
        "| 轮次 | 训练损失 | 目标损失 |\n|:-:|--:|--:|\n| 1 | 0.5 | 0.1 |\n| 2 | 0.4 | 0.1 |\n",
        "Loss by epoch:\n\n- Epoch 1: 0.5\n- Epoch 2: 0.4\n",
        "```\n{'loss': '0.5', 'epoch': '1.0'}\n[INFO] >> {'loss': 0.4, 'epoch': 2.0}\n```\n",
        "Epoch&nbsp;1: <b>loss</b> 0.5<br>\nEpoch 2: loss&#58; 0.4\n",
        "Ｅｐｏｃｈ　１：ｌｏｓｓ＝０．５\nＥｐｏｃｈ　２：ｌｏｓｓ＝０．４\n",
    ],
)
def test_ways_to_tell_a_curve(words: str) -> None:
    assert curve(words) == TWO


TOLD = "Epoch 1: loss 0.5\nEpoch 2: loss 0.4\n\n"


def test_the_same_again_is_not_read_twice() -> None:
    again = "## Table\n\n| Epoch | Loss | Val loss |\n|--|--|--|\n| 1 | 0.50 | 0.6 |\n| 2 | 0.4 | 0.5 |\n"
    record = prose(TOLD + again + "\nIn short: loss 0.5 -> 0.4\n")
    assert [(p.epoch, p.value) for p in record.points("loss")] == TWO
    assert record.values("eval_loss") == [0.6, 0.5] and not record.others
    assert [p.line for p in record.points("loss")] == [1, 2]
    assert [p.line for p in record.points("eval_loss")] == [8, 9]


PLACES = st.tuples(st.none() | st.integers(0, 3), st.none() | st.sampled_from([0.0, 1.0, 1.5]))
ROWS = st.lists(st.tuples(PLACES, st.lists(st.tuples(st.integers(0, 2), st.floats(0, 9)), min_size=1, max_size=3)), min_size=1, max_size=8)  # fmt: skip


@given(rows=ROWS)
def test_places_in_order_are_those_of_a_dictionary(
    rows: list[tuple[tuple[int | None, float | None], list[tuple[int, float]]]],
) -> None:
    packed, merged = bytearray(), dict[tuple[int | None, float | None], dict[int, float]]()
    for (step, epoch), values in rows:
        for n, (name, number) in enumerate(values):
            at = [math.nan if one is None else one for one in (step, epoch)]
            packed += PACKED.pack(0, n == 0, *at, name, number, 2, 1)
            merged.setdefault((step, epoch), {}).setdefault(name, number)
    found = in_order(unpacked(packed))
    key = [(-1 if e is None else e, -1 if s is None else s) for s, e in merged]
    wanted = [row for _, row in sorted(zip(key, merged.values(), strict=True), key=lambda p: p[0])]
    told: list[dict[int, float]] = []
    for value in found:
        told += [{}] if value["first"] else []
        told[-1][int(value["name"])] = float(value["number"])
    assert told == wanted


@pytest.mark.parametrize(
    ("words", "n"),
    [
        ("".join(f"## Epoch {i}\n\nEpoch {i}: loss 0.{i}\n" for i in range(1, 1200)), 1000),
        ("".join(f"## Run {i}\n\nEpoch 1: loss {i}\n" for i in range(1, 200)), 101),
    ],
)
def test_what_has_no_room_is_said(words: str, n: int) -> None:
    record = prose(words)
    assert len(record.points("loss")) + len(record.others) == n
    assert "says more than a report does" in record.notes[0]
    assert not prose(words[: len(words) // 3]).notes


def test_another_curve_is_another_run() -> None:
    other = "## Seed 2\n\nEpoch 1: loss 0.9\nEpoch 2: loss 0.8\n"
    record = prose(TOLD + other)
    assert [(p.epoch, p.value) for p in record.points("loss")] == TWO
    assert [one.values("loss") for one in record.others] == [[0.9, 0.8]]


def test_a_pasted_log_that_begins_again_is_one_run_of_two_lives() -> None:
    record = prose("```\nEpoch 1: loss 0.5\nEpoch 2: loss 0.4\nEpoch 1: loss 0.5\n```\n")
    assert [p.seg for p in record.points("loss")] == [0, 0, 1] and not record.others


@pytest.mark.parametrize("before", ["Before the fix:", "**之前的问题**：", "## Earlier run"])
def test_the_earlier_run_stands_beside(before: str) -> None:
    record = prose(f"{TOLD}{before}\n\nLoss: 0.7 -> 0.7 -> 0.7...\n")
    assert [(p.epoch, p.value) for p in record.points("loss")] == TWO
    assert record.others[0].values("loss") == [0.7] * 3 and record.others[0].source["earlier"]


def test_scores_with_counts_and_when() -> None:
    table = "| Metric | Before | After |\n|--|--|--|\n| Accuracy | 41% | 63.5% (127/200) |\n"
    found = prose(table).figures
    assert [(f.name, f.value, f.when) for f in found] == [
        ("accuracy", 0.41, "before"),
        ("accuracy", 0.635, "after"),
    ]
    assert (found[1].count, found[1].of, found[1].line) == (127, 200, 3)
    odd = prose("Top-3 accuracy: 30.0% (15/90)").figures[0]
    assert odd.count is None, "15 of 90 is not 30 %"


def test_settings() -> None:
    told = (
        "- Batch size: 8, learning rate 2e-5\n- LoRA rank: 16\n- Epochs: 3\n- 训练集：1,200 条\n"
        "One ground truth and nine negatives a question. The loss function: margin ranking loss\n"
        "If memory is short, LoRA rank: 32 -> 16.\n" + TOLD
    )
    facts = prose(told).facts
    assert facts["batch_size"] == 8 and facts["learning_rate"] == 2e-5 and facts["rows"] == 1200
    assert facts["lora_rank"] == 16 and facts["num_train_epochs"] == 3
    assert facts["candidates"] == 10 and facts["negatives"] == 9


@pytest.mark.parametrize(
    "words",
    [
        "The loss should reach 0.3.",
        "Expected: Epoch 1: loss 0.5",
        "We expect epoch 3: loss 0.2 and an accuracy of 90%.",
        "If the scale is 10, MSE = 49.",
        "MSE = (8-1)² ≈ 49",
        "目标：loss 降到 0.1",
        "预计第3轮：训练损失 0.2",
        "Epoch 1: loss ~1.0-1.2\nEpoch 2: loss < 0.5\nEpoch 3: loss 0.3-0.4",
        "## Target\n\n| Epoch | Loss |\n|--|--|\n| 1 | 0.5 |\n",
        "Recommendations:\n\n```yaml\nloss: 0.1\nnum_epochs: 15\n```\n\n- Epoch 4: loss 0.1",
        "**建议**：\n\n- 第9轮：loss 0.05\n- 准确率：95%",
        "Nothing about numbers of a training at all, only loss and gain.",
    ],
)
def test_not_measured_is_refused(words: str) -> None:
    with pytest.raises(DataError, match="without a measured number"):
        prose(words)


def test_a_model_card() -> None:
    card = (
        "## Training procedure\n\n- learning_rate: 2e-05\n- train_batch_size: 16\n- num_epochs: 2\n\n"
        "| Training Loss | Epoch | Step | Validation Loss | Accuracy |\n|:--:|:--:|:--:|:--:|:--:|\n"
        "| No log | 1.0 | 250 | 0.3412 | 0.8700 |\n| 0.3512 | 2.0 | 500 | 0.3890 | 0.8712 |\n"
    )
    record = prose(card)
    assert [(p.epoch, p.step, p.value) for p in record.points("loss")] == [(2.0, 500, 0.3512)]
    assert record.values("eval_loss") == [0.3412, 0.389]
    assert record.values("eval_accuracy") == [0.87, 0.8712]
    assert (record.facts["batch_size"], record.facts["num_train_epochs"]) == (16, 2)


def test_a_note_in_sentences() -> None:
    note = (
        "We trained Llama-3.2-1B on 3,000 examples for 4 epochs with lr 2e-4 (LoRA r=16, epoch 4). "
        "Validation loss: 1.71, 1.52, 1.60 in all. Accuracy on the test set is 71.5% (143/200). "
        "Previously, accuracy was 66%.\n\n预计再训练2轮，准确率达到90%。\n"
    )
    record = prose(note)
    assert not record.series, "a list of losses is not that of epoch 4"
    assert [(f.name, f.value, f.of) for f in record.figures] == [("accuracy", 0.715, 200)]
    wanted = {"rows": 3000, "num_train_epochs": 4, "learning_rate": 2e-4, "lora_rank": 16}
    assert wanted.items() <= record.facts.items() and record.facts["model"] == "Llama-3.2-1B"


def test_too_long_a_text_is_refused() -> None:
    with pytest.raises(DataError, match="too long"):
        prose(TOLD + "x" * LARGEST)


def test_found_by_the_content_and_asked_last(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text("# Report\n\nAll is well with the loss.\n\n" + TOLD, encoding="utf-8")
    assert read(path).source["reader"] in ("prose", "epoch-lines", "text")
    path.write_text(
        "# Report\n\nA first trial.\n\n- Top-3 accuracy: 30.0% (15/50)\n\nGood.\n", "utf-8"
    )
    assert read(path).source["reader"] == "prose"


UNMEASURED = [
    "Expected loss",
    "Targets",
    "Success criteria",
    "Recommendations",
    "How to judge the loss",
    "What it should look like",
    "Forecast and metrics",
    "预期Loss变化",
    "成功标准",
    "下一步建议",
    "如何判断",
    "目标指标",
    "训练计划",
]
LINES = st.sampled_from(
    [
        "Epoch {e}: Train Loss: {v}, Val Loss: {v}",
        "- Epoch {e}: {v}",
        "第{e}轮：训练损失 {v}，验证损失 {v}",
        "Loss: {v} -> {v} -> {v}",
        "{{'loss': {v}, 'epoch': {e}}}",
        "MSE={v}, MAE={v}",
        "Top-3准确率 {v}% (15/50)",
        "| Epoch | Loss |\n|---|---|\n| {e} | {v} |",
        "```\nEpoch {e}: loss {v}\n```",
        "Accuracy: {v}",
        "",
        "A sentence about the training.",
        "### Training loss",
        "**验证**：",
    ]
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    heading=st.sampled_from(UNMEASURED),
    level=st.integers(1, 4),
    body=st.lists(LINES, min_size=1, max_size=8),
    value=st.floats(0.001, 9, allow_nan=False).map(lambda v: f"{v:.4f}"),
)
def test_expected_sections_are_never_measured(
    heading: str, level: int, body: list[str], value: str
) -> None:
    words = "\n\n".join(line.format(e=i + 1, v=value) for i, line in enumerate(body))
    words = words.replace("### Training loss", "#" * min(level + 1, 6) + " Training loss")
    record = prose(f"{TOLD}{'#' * level} {heading}\n\n{words}\n")
    assert [(p.epoch, p.value) for p in record.points("loss")] == TWO
    assert not record.points("eval_loss") and not record.figures and not record.others


PIECES = st.sampled_from(
    [
        "Epoch 1",
        "loss",
        "0.5",
        ":",
        "=",
        "->",
        "|",
        "```",
        "#",
        "**",
        "\n",
        " ",
        "训练",
        "{",
        "}",
        "'",
        "1e999",
        "99999999999999999999",
        "nan",
        "(15/50)",
        "(0/0)",
        "%",
        "每次 loss 从",
        "- ",
        "，",
        "\r",
        "| Epoch | Loss |\n|--|--|\n",
        "\u2028",
        "top-",
        "\ufeff",
        "35 hard cases",
        "(0.0%)",
        "难例数量: 5",
    ]
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=60).map("".join)))
def test_no_text_breaks_it(words: str) -> None:
    try:
        record = prose(words)
    except DataError:
        return
    assert all(p.line for points in record.series.values() for p in points)


@pytest.mark.parametrize(
    "unit", ["1", "1,", "loss: 1, ", "epoch 1 loss 0.5 ", "rank = 1 ", "{'a': 1,", "| a ", "- "]
)
def test_no_line_takes_for_ever(unit: str) -> None:
    line = (unit * 400)[:400]
    words = "\n".join([line] * 150)
    with contextlib.suppress(DataError), no_longer(120):  # 60 KB
        prose(words)
