"""The SFT recipe end to end on a tiny model: the same as a plain PEFT loop, and what it leaves."""

import json
import math
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import (
    AutoTokenizer,
    Gemma2Config,
    Gemma2ForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from huohou import api
from huohou.data.labels import label_row
from huohou.data.read import read_dataset
from huohou.errors import ConfigError
from huohou.models import load_model, load_tokenizer
from huohou.plan import Plan
from huohou.recipes import forward, sft
from huohou.recipes.order import epoch_order, updates_of
from huohou.record.events import Follower
from huohou.record.recorder import Recorder
from tiny import tiny_llama_folder

SYSTEMS = (
    "You answer questions about bank codes. Answer with the code alone, and never invent one.",
    "你是联行号助手，只答十二位联行号，不认识的只答不知道。",
)


def write_rows(path: Path, count: int, systems: int = 2, seed: int = 0) -> Path:
    """Ragged questions under several system prompts, the last update short."""
    chance = random.Random(seed)
    lines = []
    for i in range(count):
        question = " ".join(chance.choices(["Daming", "branch", "大悟", "code", "?"], k=3 + i % 5))
        turns = [
            {"role": "system", "content": SYSTEMS[i % systems]},
            {"role": "user", "content": f"{question} {i}"},
            {"role": "assistant", "content": "".join(chance.choices("0123456789", k=4 + i % 3))},
        ]
        lines.append(json.dumps({"messages": turns}, ensure_ascii=False))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama_folder(tmp_path_factory.mktemp("model"), spread=0.1)


def planned(tmp_path: Path, model: Path, *flags: str, rows: int = 27) -> Plan:
    train = write_rows(tmp_path / "train.jsonl", rows)
    watched = write_rows(tmp_path / "val.jsonl", 6, seed=9)
    return api.make_plan(
        None,
        [
            f"model={model}",
            f"data.train={train}",
            f"data.eval={watched}",
            "train.batch_size=8",
            "train.learning_rate=1e-2",
            "train.num_epochs=2",
            "train.schedule=constant",
            "train.warmup_ratio=0",
            "train.device=cpu",
            "train.dtype=float32",
            "lora.rank=4",
            *flags,
        ],
    )


def test_a_model_folder_is_found_beside_the_run_file(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home, elsewhere):
        folder.mkdir()
    write_rows(home / "train.jsonl", 9)
    (home / "tiny").symlink_to(model, target_is_directory=True)
    (home / "run.yaml").write_text(
        "model: tiny\ndata: {train: train.jsonl}\ntrain: {device: cpu, dtype: float32}\n"
    )
    monkeypatch.chdir(elsewhere)
    assert Path(api.make_plan(home / "run.yaml").model).samefile(model)


def carried_out(plan: Plan, folder: Path, stop_at: int | None = None) -> list[dict[str, Any]]:
    """Run the recipe; returns its events."""
    folder.mkdir()
    path = folder / "events.jsonl"

    def should_stop() -> bool:
        return stop_at is not None and sum(e["kind"] == "metrics" for e in events(path)) >= stop_at

    with Recorder(path, seg=0) as recorder:
        sft.run(plan, folder, recorder, should_stop)
    return events(path)


def events(path: Path) -> list[dict[str, Any]]:
    return Follower(path).poll()


def plain_loop(plan: Plan, updates: int) -> tuple[list[float], list[float]]:
    """Losses and gradient norms of an ordinary PEFT loop: whole rows, one by one, own loss."""
    import transformers

    transformers.set_seed(plan.value("train.seed"))
    tokenizer = load_tokenizer(plan.model)
    rows = [label_row(row, tokenizer, 1024) for row in read_dataset(plan.train.path)]
    model = sft.with_adapter(load_model(plan.model), plan)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=plan.value("train.learning_rate"), weight_decay=0.0)
    order = updates_of(epoch_order(len(rows), 42, 0), 8) + updates_of(
        epoch_order(len(rows), 42, 1), 8
    )
    losses, norms = [], []
    for update in order[:updates]:
        tokens = sum(rows[i].trained for i in update)
        total: Tensor = torch.zeros(())
        for i in update:
            ids = torch.tensor([rows[i].ids])
            labels = torch.where(torch.tensor([rows[i].labels]), ids, -100)
            loss = model(input_ids=ids, labels=labels).loss * rows[i].trained / tokens
            loss.backward()
            total += loss.detach()
        norms.append(float(torch.nn.utils.clip_grad_norm_(trained, 1.0)))
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(total))
    return losses, norms


@pytest.mark.parametrize("max_tokens", ["null", "120"])
def test_losses_and_gradients_are_those_of_a_plain_loop(
    tmp_path: Path, model: Path, max_tokens: str
) -> None:
    plan = planned(tmp_path, model, f"train.max_tokens={max_tokens}")
    seen = [e for e in carried_out(plan, tmp_path / "job") if e["kind"] == "metrics"]
    losses, norms = plain_loop(plan, updates=8)
    assert len(seen) == 8, "27 rows, 8 an update, twice: the last update of a pass is short"
    assert [e["loss"] for e in seen] == pytest.approx(losses, abs=1e-4)
    assert [e["grad_norm"] for e in seen] == pytest.approx(norms, rel=1e-3)
    if max_tokens == "null":
        assert plan.prediction.work_saved > 0.3, "two system prompts are shared"


def test_gradient_checkpointing_changes_nothing_but_memory(tmp_path: Path, model: Path) -> None:
    plan = planned(tmp_path, model, "train.gradient_checkpointing=on")
    assert not plan.facts["budget"]["share"]
    seen = [e for e in carried_out(plan, tmp_path / "job") if e["kind"] == "metrics"]
    losses, _ = plain_loop(plan, updates=8)
    assert [e["loss"] for e in seen] == pytest.approx(losses, abs=1e-4)


def test_four_bits_without_cuda_are_refused(tmp_path: Path, model: Path) -> None:
    with pytest.raises(ConfigError, match="bitsandbytes"):
        planned(tmp_path, model, "train.four_bit=on")


def test_what_a_run_leaves(tmp_path: Path, model: Path) -> None:
    plan = planned(tmp_path, model)
    found = carried_out(plan, tmp_path / "job")
    kinds = [e["kind"] for e in found]
    assert kinds.count("metrics") == plan.prediction.updates == 8
    assert kinds.count("eval") == 2
    assert {"loss", "learning_rate", "grad_norm", "tokens_per_second"} <= set(
        next(e for e in found if e["kind"] == "metrics")
    )
    last = [e for e in found if e["kind"] == "eval"][-1]
    assert 0 <= last["eval_answer_accuracy"] <= last["eval_token_accuracy"] <= 1
    assert math.isfinite(last["eval_loss"])
    assert (tmp_path / "job/adapter/adapter_model.safetensors").exists()
    assert (tmp_path / "job/adapter/chat_template.jinja").exists()
    assert (tmp_path / "job/checkpoints/checkpoint-8/trainer_state.json").exists()
    shared = [e for e in found if e["kind"] == "log" and "Shared beginnings" in e["text"]]
    assert len(shared) == 1


def test_best_and_last_two_checkpoints_are_kept(tmp_path: Path, model: Path) -> None:
    plan = planned(tmp_path, model, "train.num_epochs=6", "train.learning_rate=0.3")
    found = carried_out(plan, tmp_path / "job")
    evals = {e["step"]: e["eval_loss"] for e in found if e["kind"] == "eval"}
    kept = {
        int(p.name.removeprefix("checkpoint-")) for p in (tmp_path / "job/checkpoints").iterdir()
    }
    best = min(evals, key=lambda step: evals[step])
    assert {best, 20, 24} <= kept
    assert len(kept) == 3


def test_it_learns_and_the_adapter_is_the_best_one(tmp_path: Path, model: Path) -> None:
    from peft import PeftModel

    plan = planned(tmp_path, model, "train.num_epochs=4")
    found = carried_out(plan, tmp_path / "job")
    losses = [e["loss"] for e in found if e["kind"] == "metrics"]
    assert losses[-1] < 0.8 * losses[0]
    tuned = PeftModel.from_pretrained(load_model(plan.model), str(tmp_path / "job/adapter"))
    assert any(float(p.abs().max()) > 0 for n, p in tuned.named_parameters() if "lora_B" in n)


def test_stopping_saves_a_checkpoint(tmp_path: Path, model: Path) -> None:
    plan = planned(tmp_path, model, "train.num_epochs=50")
    found = carried_out(plan, tmp_path / "job", stop_at=3)
    steps = [e["step"] for e in found if e["kind"] == "metrics"]
    assert steps[-1] <= 4
    assert (tmp_path / f"job/checkpoints/checkpoint-{steps[-1]}").is_dir()


def test_early_stopping(tmp_path: Path, model: Path) -> None:
    flags = ["train.num_epochs=30", "train.early_stopping_patience=2", "train.learning_rate=0.5"]
    found = carried_out(planned(tmp_path, model, *flags), tmp_path / "job")
    evals = [e["eval_loss"] for e in found if e["kind"] == "eval"]
    assert len(evals) < 30
    assert min(evals[-2:]) >= min(evals[:-2]), "the last two were no better"


def test_changed_data_is_refused(tmp_path: Path, model: Path) -> None:
    plan = planned(tmp_path, model)
    write_rows(Path(plan.train.path), 26, seed=5)
    with pytest.raises(Exception, match="content has changed"):
        carried_out(plan, tmp_path / "job")


def test_capped_scores_are_trained_by_the_plain_pass(tmp_path: Path, model: Path) -> None:
    """Gemma 2 caps scores and logits, which the fused attention and the packed pass do not."""
    folder = tmp_path / "gemma"
    shutil.copytree(model, folder)
    words = len(AutoTokenizer.from_pretrained(folder))
    config = Gemma2Config(
        vocab_size=words,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
    )
    Gemma2ForCausalLM(config).save_pretrained(folder)
    found = carried_out(planned(tmp_path, folder), tmp_path / "job")
    assert any("plain pass" in e.get("text", "") for e in found if e["kind"] == "log")
    assert sum(e["kind"] == "metrics" for e in found) == 8


def test_a_window_shorter_than_a_row_is_not_packed() -> None:
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 50}
    narrow = MistralForCausalLM(MistralConfig(sliding_window=16, **sizes, **heads))
    assert forward.looks_at_all(narrow, 16)
    assert not forward.looks_at_all(narrow, 17)
    off = Qwen2ForCausalLM(
        Qwen2Config(sliding_window=16, use_sliding_window=False, **sizes, **heads)
    )
    assert forward.looks_at_all(off, 1000)


def test_a_model_whose_logits_are_scaled_trains_by_the_plain_pass(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = sft.load_model

    def scaled(*args: Any, **options: Any) -> Any:
        found = load(*args, **options)
        forward = found.forward

        def halved(*a: Any, **k: Any) -> Any:
            out = forward(*a, **k)
            out.logits = out.logits * 0.5
            return out

        found.forward = halved
        return found

    monkeypatch.setattr(sft, "load_model", scaled)
    plan = planned(tmp_path, model)
    found = carried_out(plan, tmp_path / "job")
    warned = [e for e in found if e["kind"] == "log" and e.get("level") == "warning"]
    assert len(warned) == 2, "sharing, then the head at labelled positions, are switched off"
    assert sum(e["kind"] == "metrics" for e in found) == 8


def test_the_plan_is_frozen_and_reads_back(tmp_path: Path, model: Path) -> None:
    plan = planned(tmp_path, model)
    plan.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json") == plan
    with pytest.raises(FileExistsError):
        plan.save(tmp_path / "plan.json")
    assert plan.settings["train.batch_size"].source == "-s"
    assert plan.prediction.trainable_parameters < plan.prediction.total_parameters
