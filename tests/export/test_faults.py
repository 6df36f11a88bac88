"""Planted faults: each is a way in which releases go wrong, and is found under its right name."""

import json
import shutil
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from huohou.diagnose.serving import judge
from huohou.export.ggufs.write import write_gguf
from huohou.export.merging import on_base, weights_of
from huohou.export.probe import Served, probe
from huohou.export.release import export
from huohou.models import ChatTokenizer
from huohou.record.finding import Finding
from scored_job import TAUGHT
from tiny import CHATML, tiny_adapter, tiny_job, tiny_llama, tiny_llama_folder, tiny_tokenizer

pytestmark = pytest.mark.slow  # llama.cpp is started anew for each
QUIET = lambda _what, _done, _of: None  # noqa: E731


def _judged(
    taught: Path, merged: Path | None = None, gguf: Path | None = None
) -> tuple[Finding, ...]:
    served = Served(merged, gguf)
    base = str(taught.parent / "base")
    return tuple(judge(probe(base, taught / "adapter", served, TAUGHT, QUIET)))


def _only(found: tuple[Finding, ...], code: str) -> str:
    """The one finding has that code; its evidence."""
    assert [finding.code for finding in found] == [code], found
    return "\n".join(fact.text for fact in found[0].evidence)


def _merge(base: Any, adapter: Path, folder: Path) -> Path:
    on_base(base, adapter).merge_and_unload().save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def _copied(folder: Path, target: Path) -> Path:
    return Path(shutil.copytree(folder, target))


def _set(path: Path, name: str, value: Any) -> None:
    """Write over a number in a GGUF file."""
    field = gguf.GGUFReader(path, "r+").get_field(name)
    assert field is not None
    field.parts[field.data[0]][0] = value


def _rewritten(merged: Path, path: Path, template: str | None = None, **left_out: bool) -> Path:
    """The merged model as GGUF once more, with another template, or without its head."""
    model = AutoModelForCausalLM.from_pretrained(merged)
    hf = AutoTokenizer.from_pretrained(merged)
    hf.chat_template = template or hf.chat_template
    weights = weights_of(model)
    if left_out.get("head"):
        del weights["lm_head.weight"]
    tokenizer = ChatTokenizer(hf, "tiny")
    write_gguf(path, model.config, weights, tokenizer, form="f16", name="tiny")
    return path


def test_nothing_is_found_where_nothing_is_wrong(
    taught: Path, merged: Path, gguf_file: Path
) -> None:
    assert _judged(taught, merged, gguf_file) == ()


def test_adapter_not_applied(taught: Path, tmp_path: Path) -> None:
    told = _only(_judged(taught, taught.parent / "base"), "same-as-base")
    assert "merged" in told and " 0 nats" in told


def test_an_adapter_that_learnt_nothing(taught: Path, tmp_path: Path) -> None:
    job = _copied(taught.parent, tmp_path / "place") / taught.name
    path = job / "adapter" / "adapter_model.safetensors"
    weights = load_file(path)
    save_file({k: v * (0 if "lora_B" in k else 1) for k, v in weights.items()}, path)
    assert "without the adapter" in _only(_judged(job), "same-as-base")


def test_adapter_scaled_twice(taught: Path, tmp_path: Path) -> None:
    adapter = _copied(taught / "adapter", tmp_path / "adapter")
    config = json.loads((adapter / "adapter_config.json").read_text())
    config["lora_alpha"] *= 2
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    folder = _merge(tiny_llama(spread=0.2), adapter, tmp_path / "twice")
    assert "nats a token" in _only(_judged(taught, folder), "train-serve-mismatch")


def test_merged_into_another_base(taught: Path, tmp_path: Path) -> None:
    folder = _merge(tiny_llama(1, spread=0.2), taught / "adapter", tmp_path / "other")
    assert "nats a token" in _only(_judged(taught, folder), "train-serve-mismatch")


@pytest.mark.parametrize(("target", "form"), [("merged", "float16"), ("gguf", "f16")])
def test_fp16_overflow(target: str, form: str, tmp_path: Path) -> None:
    """One matrix a hundred million times as large and the next as much smaller: the same model in
    float32, infinite in float16."""
    job = tiny_job(tmp_path / "1-tiny", TAUGHT)
    path = tmp_path / "base" / "model.safetensors"
    weights = load_file(path)
    weights["model.layers.1.mlp.up_proj.weight"] *= 1e8
    weights["model.layers.1.mlp.down_proj.weight"] *= 1e-8
    save_file(weights, path, {"format": "pt"})
    release = export(job, target, judge, (TAUGHT, ()), quantize=form)
    assert not release.proved and not release.folder.exists()
    found = {finding.code: finding for finding in release.findings}
    told = found["train-serve-mismatch"].evidence[0].text
    assert "model.layers.1.mlp.up_proj.weight" in told and form in told


@pytest.fixture(scope="module")
def untied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job whose base has a head of its own."""
    place = tmp_path_factory.mktemp("untied")
    tiny_llama_folder(place / "base", spread=0.2, tie_word_embeddings=False)
    model = AutoModelForCausalLM.from_pretrained(place / "base")
    tiny_adapter(model, TAUGHT, place / "job" / "adapter", steps=100)
    _merge(
        AutoModelForCausalLM.from_pretrained(place / "base"),
        place / "job" / "adapter",
        place / "merged",
    )
    return place / "job"


def test_lost_head(untied: Path, tmp_path: Path) -> None:
    """llama.cpp takes the embedding for a head that is not in the file."""
    merged = untied.parent / "merged"
    whole = _rewritten(merged, tmp_path / "whole.gguf")
    assert _judged(untied, merged, whole) == ()
    lost = _rewritten(merged, tmp_path / "lost.gguf", head=True)
    assert "nats a token" in _only(_judged(untied, gguf=lost), "train-serve-mismatch")


def test_lost_head_of_a_merged_folder(untied: Path, tmp_path: Path) -> None:
    folder = _copied(untied.parent / "merged", tmp_path / "merged")
    weights = load_file(folder / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    told = _only(_judged(untied, folder), "train-serve-mismatch")
    assert "lm_head.weight" in told


ALPACA = (
    "{% for message in messages %}### {{ message['role'] }}:\n{{ message['content'] }}\n\n"
    "{% endfor %}{% if add_generation_prompt %}### assistant:\n{% endif %}"
)
NO_SYSTEM = CHATML.replace(
    "{% for message in messages %}",
    "{% for message in messages if message['role'] != 'system' %}",
)


@pytest.mark.parametrize("as_gguf", [False, True])
def test_other_chat_template(as_gguf: bool, taught: Path, merged: Path, tmp_path: Path) -> None:
    told = _only(_with_template(ALPACA, as_gguf, taught, merged, tmp_path), "train-serve-mismatch")
    assert '"<|im_start|>system' in told and '"### system:' in told, "both are shown"
    assert "from token 0 on" in told and "^^" in told


@pytest.mark.parametrize("as_gguf", [False, True])
def test_missing_system_prompt(as_gguf: bool, taught: Path, merged: Path, tmp_path: Path) -> None:
    found = _with_template(NO_SYSTEM, as_gguf, taught, merged, tmp_path)
    told = _only(found, "train-serve-mismatch")
    ours, theirs, marks = told.split("there:\n")[1].splitlines()[:3]
    assert "system\\nAnswer with" in ours and "user\\n" in theirs
    first = marks.index("^")
    assert ours[first] != theirs[first] and ours[first - 1] == theirs[first - 1]


def _with_template(
    template: str, as_gguf: bool, taught: Path, merged: Path, place: Path
) -> tuple[Finding, ...]:
    if as_gguf:
        return _judged(taught, gguf=_rewritten(merged, place / "other.gguf", template))
    folder = _copied(merged, place / "other")
    (folder / "chat_template.jinja").write_text(template)
    return _judged(taught, folder)


@pytest.mark.parametrize("as_gguf", [False, True])
def test_doubled_bos(as_gguf: bool, taught: Path, merged: Path, tmp_path: Path) -> None:
    doubled = "{{ bos_token }}" + CHATML  # ChatML as these rows have it begins with the BOS
    found = _with_template(doubled, as_gguf, taught, merged, tmp_path)
    assert "from token 1 on" in _only(found, "train-serve-mismatch")


def test_a_bos_that_llama_cpp_takes_back(taught: Path, gguf_file: Path, tmp_path: Path) -> None:
    """Told to add a BOS to a template that writes one, its chat door adds none: no fault."""
    path = Path(shutil.copy(gguf_file, tmp_path / "bos.gguf"))
    _set(path, "tokenizer.ggml.add_bos_token", True)
    assert _judged(taught, gguf=path) == ()


def test_missing_stop_token(taught: Path, merged: Path, tmp_path: Path) -> None:
    folder = _copied(merged, tmp_path / "endless")
    settings = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps(settings | {"eos_token_id": 0}))
    told = _only(_judged(taught, folder), "never-stops")
    assert "token 2" in told


def _named_otherwise(folder: Path) -> Path:
    """The end of turn gets a name that llama.cpp does not know: it looks for ``<|im_end|>``."""
    for path in (*folder.glob("*.json"), *folder.glob("*.jinja")):
        text = path.read_text(encoding="utf-8").replace("<|im_end|>", "<|done|>")
        path.write_text(text, encoding="utf-8")
    return folder


def test_a_gguf_file_that_names_another_end(taught: Path, merged: Path, tmp_path: Path) -> None:
    """Only two numbers in the file say where an answer ends; with wrong ones it never does."""
    job = tmp_path / "job"
    _named_otherwise(_copied(taught.parent / "base", tmp_path / "base"))
    shutil.copytree(taught / "adapter", job / "adapter")
    path = _rewritten(_named_otherwise(_copied(merged, tmp_path / "merged")), tmp_path / "a.gguf")
    assert _judged(job, gguf=path) == ()
    for name in ("eos", "eot"):  # of a text, and of a turn
        _set(path, f"tokenizer.ggml.{name}_token_id", 0)
    told = _only(_judged(job, gguf=path), "never-stops")
    assert "gguf" in told and "token 2" in told


def test_end_masked_as_padding(taught: Path, tmp_path: Path) -> None:
    """Where padding and end are one token and padding is masked, the end is never learnt."""
    tiny_adapter(tiny_llama(spread=0.2), TAUGHT, tmp_path / "job" / "adapter", ends=False)
    shutil.copytree(taught.parent / "base", tmp_path / "base")
    assert "not learnt" in _only(_judged(tmp_path / "job"), "never-stops")


def test_wrong_rope_base(taught: Path, gguf_file: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(gguf_file, tmp_path / "rope.gguf"))
    _set(path, "llama.rope.freq_base", 500_000.0)
    assert "nats a token" in _only(_judged(taught, gguf=path), "train-serve-mismatch")


def test_unpermuted_queries(
    taught: Path, merged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Llama's heads in transformers' order: the classic fault of a converter."""
    monkeypatch.setattr("huohou.export.ggufs.write.laid_out", lambda _name, values, _config: values)
    path = _rewritten(merged, tmp_path / "plain.gguf")
    assert "nats a token" in _only(_judged(taught, gguf=path), "train-serve-mismatch")


def test_without_rows_the_models_own_answers_are_compared(
    taught: Path, merged: Path, gguf_file: Path
) -> None:
    base, adapter = str(taught.parent / "base"), taught / "adapter"
    whole = judge(probe(base, adapter, Served(merged, gguf_file), (), QUIET))
    assert "train-serve-mismatch" not in [finding.code for finding in whole]
    other = judge(probe(base, adapter, Served(taught.parent / "base"), (), QUIET))
    assert [finding.code for finding in other] == ["same-as-base"]
    assert torch.is_grad_enabled(), "asking leaves torch as it was"
