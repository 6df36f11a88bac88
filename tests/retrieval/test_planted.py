"""Faults planted in real trainings of tiny encoders: the doctor calls each by its name, and a
training without a fault by none of them."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from huohou.diagnose.engine import diagnose
from huohou.models.encoder import Encoder, load_encoder
from huohou.recipes import embed
from huohou.record.readers.huohou_run import read_run
from huohou.record.recorder import Recorder
from search_job import search_plan
from tiny_encoder import tiny_encoder_folder

# Two words for each thing: questions use the one, passages the other, so that there is something
# to learn that holds for questions never seen.
WORDS = list(zip("abcdefghijklm", "nopqrstuvwxyz", strict=True))
FAULTS = {
    "embedding-collapse",
    "scale-only",
    "positives-only-eval",
    "below-chance",
    "temperature-off",
    "trained-on-eval",
    "memorised",
}


def write_folder(folder: Path, *, wrong_eval: Callable[[str], str] | None = None) -> Path:
    """A BEIR folder: 160 questions of three things to train on, 60 others to watch.

    wrong_eval: the answer that a watched question is said to have instead of its own.
    """
    chance = random.Random(1)
    things: set[tuple[int, ...]] = set()
    while len(things) < 220:
        things.add(tuple(sorted(chance.sample(range(len(WORDS)), 3))))
    (folder / "qrels").mkdir(parents=True)
    corpus, queries, parts = [], [], {"train": [], "dev": []}
    for i, chosen in enumerate(sorted(things, key=lambda one: chance.random())):
        words = [[WORDS[k][side] for k in chosen] for side in (0, 1)]
        corpus.append({"_id": f"p{i}", "text": " ".join(words[1]), "title": f"d{i}"})
        queries.append({"_id": f"q{i}", "text": " ".join(words[0])})
        part = "train" if i < 160 else "dev"
        answer = f"p{i}" if part == "train" or wrong_eval is None else wrong_eval(f"q{i}")
        parts[part].append(f"q{i}\t{answer}\t1")
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    for name, lines in parts.items():
        told = "\n".join(["query-id\tcorpus-id\tscore", *lines])
        (folder / "qrels" / f"{name}.tsv").write_text(f"{told}\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("planted") / "pairs")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "tiny"
    return tiny_encoder_folder(path, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)


@pytest.fixture(scope="module")
def collapsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder whose vectors are all the same: nothing of a text reaches the last layer norm."""
    path = tmp_path_factory.mktemp("models") / "collapsed"
    tiny_encoder_folder(path)
    encoder = load_encoder(str(path))
    norm = encoder.transformer.encoder.layer[-1].output.LayerNorm
    with torch.no_grad():
        norm.weight.zero_()
        norm.bias.copy_(torch.linspace(-1, 1, len(norm.bias)))
    encoder.save(path.with_name("same"))
    return path.with_name("same")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def trained(folder: Path, data: Path, model: Path, *flags: str) -> set[str]:
    """Train for real, and what the doctor says of what was recorded, by code."""
    usual = [
        "train.batch_size=16",
        "train.num_epochs=4",
        "train.learning_rate=1e-3",
        "train.schedule=constant",
        "train.dtype=float32",
    ]
    plan = search_plan(data, model, "embed", [*usual, *flags])
    folder.mkdir()
    plan.save(folder / "plan.json")
    with Recorder(folder / "events.jsonl") as recorder:
        embed.run(plan, folder, recorder, lambda: False)
        recorder.end("completed")
    return {finding.code for finding in diagnose(read_run(folder)).findings}


def test_a_training_without_a_fault_is_called_none_of_them(
    tmp_path: Path, data: Path, model: Path
) -> None:
    assert not trained(tmp_path / "run", data, model) & FAULTS


def test_a_collapsed_encoder(tmp_path: Path, data: Path, collapsed: Path) -> None:
    flags = ("train.learning_rate=1e-9", "embed.learn_scale=false")
    assert "embedding-collapse" in trained(tmp_path / "run", data, collapsed, *flags)


def test_a_scale_that_is_far_too_small(tmp_path: Path, data: Path, model: Path) -> None:
    flags = ("embed.scale=1", "embed.learn_scale=false")
    assert "temperature-off" in trained(tmp_path / "run", data, model, *flags)


def test_a_ranking_below_chance(tmp_path: Path, model: Path) -> None:
    """Watched questions are said to be answered by what the encoder finds last of all."""
    plain = write_folder(tmp_path / "plain")
    encoder = load_encoder(str(model))
    texts = {}
    for name in ("corpus", "queries"):
        lines = (plain / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        texts[name] = {row["_id"]: row["text"] for row in map(json.loads, lines)}
    ids = list(texts["corpus"])
    passages = encoder.encode(list(texts["corpus"].values()))

    def last(query: str) -> str:
        scores = passages @ encoder.encode([texts["queries"][query]])[0]
        return ids[int(scores.argmin())]

    wrong = write_folder(tmp_path / "wrong", wrong_eval=last)
    flags = ("train.learning_rate=1e-9", "embed.learn_scale=false")
    assert "below-chance" in trained(tmp_path / "run", wrong, model, *flags)


def loop(folder: Path, encoder: Encoder, *, lr: float, negatives: bool) -> set[str]:
    """A training loop as document 000 has it: logistic loss of scaled cosines without a bias, the
    evaluation over right pairs only, with the errors of its logits.

    negatives: whether the training has wrong pairs.
    """
    asked = [" ".join(w[0] for w in random.Random(i).sample(WORDS, 3)) for i in range(48)]
    answers = [" ".join(w[1] for w in random.Random(i).sample(WORDS, 3)) for i in range(48)]
    scale = torch.nn.Parameter(torch.tensor(1.0))
    optimizer = torch.optim.Adam(
        [{"params": [scale], "lr": 0.02}, {"params": encoder.parameters(), "lr": lr}]
    )

    def logits(at: range, shift: int = 0) -> torch.Tensor:
        q = encoder(*encoder.pad(encoder.tokenize([asked[i] for i in at]))).mu
        d = encoder(*encoder.pad(encoder.tokenize([answers[(i + shift) % 48] for i in at]))).mu
        return scale * (q * d).sum(-1)

    folder.mkdir()
    with Recorder(folder / "events.jsonl") as recorder:
        recorder.start(loss_kind="logistic", updates=80, batch_size=8)
        for step in range(1, 81):
            at = range(8 * (step % 5), 8 * (step % 5) + 8)
            loss = functional.softplus(-logits(at)).mean()
            if negatives:
                loss = loss + functional.softplus(logits(at, 5)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            recorder.metrics(step, step / 5, loss=loss.item(), scale=scale.item())
            if step % 10 == 0:
                with torch.no_grad():
                    found = logits(range(40, 48))
                off = found - 1
                recorder.eval(
                    step,
                    step / 5,
                    eval_loss=functional.softplus(-found).mean().item(),
                    eval_rmse=off.square().mean().sqrt().item(),
                    eval_mae=off.abs().mean().item(),
                )
        recorder.end("completed")
    return {finding.code for finding in diagnose(read_run(folder)).findings}


def test_only_the_scale_moves_over_positives_only(tmp_path: Path, collapsed: Path) -> None:
    """Document 000 once more: every cosine is 1, the loss falls, the evaluation sees no negative."""
    found = loop(tmp_path / "run", load_encoder(str(collapsed)), lr=0.0, negatives=False)
    assert {"scale-only", "positives-only-eval"} <= found
