"""Settings files as facts: names of many trainers become one, and no file can do harm."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huohou.record.readers._settings import facts_in, facts_of


def facts(folder: Path, name: str, content: object) -> dict[str, Any]:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return facts_in(path)


ARGUMENTS = {
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 8,
    "learning_rate": 1e-4,
    "lr_scheduler_type": "SchedulerType.COSINE",
    "warmup_ratio": 0.03,
    "warmup_steps": 0,
    "num_train_epochs": 3,
    "max_steps": -1,
    "fp16": False,
    "bf16": True,
    "max_grad_norm": 1.0,
    "logging_steps": 10,
    "eval_steps": 0.1,
    "save_steps": 500,
    "evaluation_strategy": "IntervalStrategy.STEPS",
    "seed": 42,
    "logging_nan_inf_filter": True,
    "resume_from_checkpoint": None,
}


def test_training_arguments(tmp_path: Path) -> None:
    found = facts(tmp_path, "training_args.json", ARGUMENTS)
    assert found == {
        "batch_size": 4,
        "gradient_accumulation": 8,
        "learning_rate": 1e-4,
        "lr_scheduler": "cosine",
        "warmup_ratio": 0.03,
        "warmup_steps": 0,
        "num_train_epochs": 3,
        "dtype": "bf16",
        "max_grad_norm": 1.0,
        "logging_steps": 10,
        "eval_steps": 0.1,
        "save_steps": 500,
        "eval_strategy": "steps",
        "seed": 42,
        "nan_inf_filter": True,
    }, "no max_steps: -1 means that it is not set"


LLAMAFACTORY = """\
### model
model_name_or_path: Qwen/Qwen2.5-1.5B-Instruct
stage: sft
finetuning_type: lora
lora_rank: 8
lora_target: all
cutoff_len: 2048
template: qwen
dataset: role_play, identity
overwrite_output_dir: true
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
learning_rate: 1.0e-4   # and 1e-4, which YAML reads as words
num_train_epochs: 3.0
lr_scheduler_type: cosine
warmup_ratio: 0.1
pure_bf16: true
resume_from_checkpoint: null
train_on_prompt: false
val_size: 0.1
eval_strategy: no
"""


def test_llamafactory(tmp_path: Path) -> None:
    found = facts(tmp_path, "sft.yaml", LLAMAFACTORY.replace("1.0e-4", "1e-4"))
    assert found["learning_rate"] == 1e-4 and found["eval_strategy"] == "no"
    assert (found["finetuning_type"], found["lora_rank"], found["cutoff_len"]) == ("lora", 8, 2048)
    assert (found["val_size"], found["train_on_prompt"]) == (0.1, False)
    assert found["overwrite_output_dir"] is True and "resume_from_checkpoint" not in found
    assert found["dtype"] == found["trained_dtype"] == "bf16"
    assert found["model"] == "Qwen/Qwen2.5-1.5B-Instruct" and found["dataset"].startswith("role")


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ({"train.learning_rate": "5e-5", "top.finetuning_type": "lora"}, {"learning_rate": 5e-5}),
        ({"learning_rate": {"value": 1e-3, "desc": None}, "_wandb": {}}, {"learning_rate": 1e-3}),
        ({"optimizer": {"lr": 2e-5}, "lr": {}, "batch_size": 2}, {"learning_rate": 2e-5}),
        ({"warmup_steps": 0.1}, {"warmup_ratio": 0.1}),
        ({"lr": "1e-3", "learning_rate": "none"}, {"learning_rate": 1e-3}),
        ({"torch_dtype": "torch.float16"}, {"dtype": "fp16"}),
        ({"fp16": "true", "bf16": "False"}, {"dtype": "fp16"}),
        ({"target_modules": ["v_proj", "q_proj"]}, {"target_modules": "q_proj, v_proj"}),
        ({"resume_from_checkpoint": "out/checkpoint-5"}, {"resume_from_checkpoint": "out/che"}),
    ],
)
def test_names_of_other_trainers(raw: dict[str, Any], wanted: dict[str, Any]) -> None:
    found = facts_of(raw)
    for name, value in wanted.items():
        got = found[name]
        assert got.startswith(value) if isinstance(value, str) else got == value


def test_files_of_model_and_adapter(tmp_path: Path) -> None:
    config = {"model_type": "qwen2", "vocab_size": 151936, "torch_dtype": "bfloat16"}
    found = facts(tmp_path, "config.json", config | {"max_length": 20, "seed": 1})
    assert found == {"vocab_size": 151936, "model_type": "qwen2", "model_dtype": "bfloat16"}
    nested = {"architectures": ["X"], "text_config": {"vocab_size": 262144}}
    assert facts(tmp_path, "config.json", nested) == {"vocab_size": 262144}
    assert facts(tmp_path, "config.json", {"vocab_size": 5}) == {}, "some other program's"
    adapter = {"r": 16, "lora_alpha": 32, "lora_dropout": 0.0, "target_modules": ["q"]}
    found = facts(tmp_path, "adapter_config.json", adapter | {"peft_type": "LORA"})
    assert found["lora_rank"] == 16 and found["lora_dropout"] == 0.0
    assert found["finetuning_type"] == "lora" and found["target_modules"] == "q"


CARD = """\
---
license: mit
---
# my-model
- learning_rate: 9.0

## Training procedure
### Training hyperparameters

The following hyperparameters were used during training:
- learning_rate: 5e-05
- train_batch_size: 8
- gradient_accumulation_steps: 8
- total_train_batch_size: 64
- optimizer: Use adamw_torch with betas=(0.9,0.999)
- lr_scheduler_type: cosine
- lr_scheduler_warmup_ratio: 0.1
- num_epochs: 3.0
- mixed_precision_training: Native AMP

### Training results
### Framework versions

- PEFT 0.12.0
- Transformers 4.44.0
- Pytorch 2.3.1+cu121
"""

EMBEDDING = """\
### Training Dataset
* Size: 99,000 training samples
* Columns: <code>anchor</code>, <code>positive</code>, and <code>negative</code>
* Loss: [<code>MultipleNegativesRankingLoss</code>](https://sbert.net/#multiple) with these parameters:
  ```json
  {
      "scale": 20.0,
      "similarity_fct": "cos_sim"
  }
  ```
### Evaluation Dataset
* Size: 1,000 evaluation samples
* Loss: [<code>TripletLoss</code>](https://sbert.net/)
#### Non-Default Hyperparameters

- `per_device_train_batch_size`: 16
- `bf16`: True
#### All Hyperparameters
- `per_device_train_batch_size`: 16
- `learning_rate`: 5e-05
"""


def test_model_card(tmp_path: Path) -> None:
    found = facts(tmp_path, "README.md", CARD)
    assert found["learning_rate"] == 5e-5, "only under the heading"
    assert (found["batch_size"], found["gradient_accumulation"]) == (8, 8)
    assert (found["num_train_epochs"], found["warmup_ratio"]) == (3, 0.1)
    assert found["dtype"] == "fp16" and found["lr_scheduler"] == "cosine"
    assert found["versions"]["transformers"] == "4.44.0"


def test_card_of_an_embedding_model(tmp_path: Path) -> None:
    found = facts(tmp_path, "README.md", EMBEDDING)
    assert (found["rows"], found["eval_rows"]) == (99000, 1000)
    assert (found["loss_kind"], found["scale"]) == ("in-batch", 20.0)
    assert found["negatives"] == 1 and found["batch_size"] == 16
    assert found["dtype"] == "bf16" and found["learning_rate"] == 5e-5
    margin = EMBEDDING.replace("MultipleNegativesRankingLoss", "TripletLoss", 1)
    found = facts(tmp_path, "README.md", margin.replace('"scale": 20.0', '"triplet_margin": 5'))
    assert (found["loss_kind"], found["margin"]) == ("margin", 5.0) and "negatives" not in found


BOMB = "a: &a {k: 1}\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} {{<<: [{', '.join(['*' + chr(97 + n)] * 9)}]}}\n"
    for n in range(12)
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.yaml", "!!python/object/apply:os.system ['touch owned']"),
        ("a.yaml", "learning_rate: !!timestamp x\nseed: 1"),
        ("a.yaml", "learning_rate: !!bool x\nseed: 1"),
        ("a.yaml", BOMB),
        ("a.yaml", "a: [" * 5000),
        ("a.yaml", "x: 1\n" * 20000),
        ("a.yaml", "services: {web: {image: x}}\nseed: 1"),
        ("args.json", "[" * 100_000),
        ("args.json", '{"seed": 1}'),
        ("args.json", '{"seed": ' + "9" * 5000 + ', "lr": 1e-4'),
        ("README.md", "# notes\n- learning_rate: 1"),
    ],
)
def test_what_is_no_settings_file(tmp_path: Path, name: str, content: str) -> None:
    assert facts(tmp_path, name, content) == {}
    assert not (tmp_path / "owned").exists() and not Path("owned").exists()


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "training_args.bin"
    path.write_bytes(pickle.dumps(ARGUMENTS))
    assert facts_in(path) == {} and facts_in(tmp_path) == {} and facts_in(tmp_path / "x.json") == {}


NAMES = st.sampled_from(
    [*ARGUMENTS, "lr", "lora_rank", "target_modules", "dtype", "model", "train"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(NAMES, VALUES, max_size=8))
def test_any_settings(raw: dict[str, Any]) -> None:
    for value in facts_of(raw).values():
        assert isinstance(value, bool | int | float | str)


TEXTS = st.text(max_size=80) | st.lists(
    st.sampled_from(
        ["lr: 1", "\n", "- ", "!!int", "!!set", " ", "{", "[", "&a", "*a", "? ", "#", '"']
    ),
    max_size=20,
).map("".join)


@pytest.mark.parametrize("name", ["a.yaml", "args.json", "config.json", "README.md"])
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=TEXTS)
def test_any_text(tmp_path: Path, name: str, text: str) -> None:
    assert isinstance(facts(tmp_path, name, text.encode("utf-8", "replace").decode()), dict)
