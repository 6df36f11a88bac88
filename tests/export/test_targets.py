"""Each target is written, asked, and is the model that was trained."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from huohou.diagnose.serving import judge
from huohou.export.release import Release, export
from huohou.models import base_weights
from scored_job import TAUGHT

Exported = Callable[..., Release]
IDS = torch.tensor([[1, 30, 40, 50, 60, 70, 80, 90]])


def _export(job: Path, out: Path, target: str, form: str | None = None) -> Release:
    return export(job, target, judge, (TAUGHT, TAUGHT[:2]), quantize=form, out=out)


@pytest.fixture(scope="module")
def exported(taught: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Releases by target and form, each made once: every one is proved, which takes seconds."""

    @cache
    def made(target: str, form: str | None = None) -> Release:
        return _export(taught, tmp_path_factory.mktemp("release") / "out", target, form)

    return made


def test_an_adapter_loads_with_peft_alone(taught: Path, tmp_path: Path) -> None:
    release = _export(taught, tmp_path / "out", "adapter")
    assert release.proved and not release.findings
    names = {path.name for path in release.folder.iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors", "README.md", "proof.json"} <= names
    assert not any(name.endswith(".part") for name in names)
    config = json.loads((release.folder / "adapter_config.json").read_text())
    base = AutoModelForCausalLM.from_pretrained(config["base_model_name_or_path"])
    assert PeftModel.from_pretrained(base, release.folder)
    proof = json.loads((release.folder / "proof.json").read_text())
    assert proof["base"]["weights"] == base_weights(config["base_model_name_or_path"])
    assert proof["base"]["weights"] in (release.folder / "README.md").read_text()


@pytest.mark.parametrize("form", ["float32", "bfloat16", "float16"])
def test_a_merged_model_is_the_adapter_on_its_base(form: str, taught: Path, tmp_path: Path) -> None:
    release = _export(taught, tmp_path / "out", "merged", form)
    assert release.proved and not release.findings
    plain = AutoModelForCausalLM.from_pretrained(release.folder, dtype="auto")
    assert plain.dtype == getattr(torch, form)
    base = AutoModelForCausalLM.from_pretrained(taught.parent / "base")
    tuned = PeftModel.from_pretrained(base, taught / "adapter")
    with torch.inference_mode():
        ours, theirs = tuned(IDS).logits, plain.float()(IDS).logits
    width = {"float32": 1e-3, "float16": 0.2, "bfloat16": 2.0}[form]
    assert (ours - theirs).abs().max() < width
    with tuned.disable_adapter(), torch.inference_mode():
        assert (tuned(IDS).logits - theirs).abs().max() > 4, "the base is another model"
    assert plain.generation_config.eos_token_id == 2
    assert AutoTokenizer.from_pretrained(release.folder).chat_template


def test_what_the_proof_saw_is_kept(exported: Exported) -> None:
    proof = exported("merged").proof
    seen = proof["seen"]
    assert seen["questions"] == {"train": 5, "held-out": 2, "odd": 3}
    (side,) = seen["sides"]
    assert side["prompts"] == {"asked": 10, "different": 0, "first": None}
    assert side["answers"]["same"] == side["answers"]["asked"] == side["stops"]["stopped"] == 10
    assert side["scores"]["nats"] + 1e-7 >= 0 and side["scores"]["nats"] < 1e-6
    assert side["scores"]["clear_same"] == side["scores"]["clear"] > 50
    loss = side["scores"]["kinds"]["train"]
    assert loss["served"] == pytest.approx(loss["trained"], abs=1e-5)
    assert seen["trained"]["nats_from_base"] > 1


@pytest.mark.parametrize(("form", "most"), [("f16", 1e-4), ("q8_0", 1e-2), ("q4_k_m", 0.1)])
def test_a_gguf_file_is_the_merged_model(form: str, most: float, exported: Exported) -> None:
    release = exported("gguf", form)
    assert release.proved, release.findings
    (side,) = release.proof["seen"]["sides"]
    assert side["prompts"]["different"] == 0 and side["scores"]["nats"] < most
    assert side["stops"]["stopped"] == side["stops"]["asked"]
    assert [path.name for path in release.folder.glob("*.gguf")] == [f"tiny-{form}.gguf"]


def test_coarser_forms_are_smaller_and_further_away(exported: Exported) -> None:
    made = [exported("gguf", form) for form in ("f16", "q8_0", "q4_k_m")]
    sizes = [next(one.folder.glob("*.gguf")).stat().st_size for one in made]
    nats = [one.proof["seen"]["sides"][0]["scores"]["nats"] for one in made]
    assert sizes == sorted(sizes, reverse=True) and nats == sorted(nats)


def test_the_trained_model_is_asked_once(taught: Path, exported: Exported, tmp_path: Path) -> None:
    exported("merged")
    kept = sorted((taught / "exports" / ".trained").glob("*/rest.npz"))
    before = [path.stat().st_mtime_ns for path in kept]
    _export(taught, tmp_path / "two", "gguf")
    after = sorted((taught / "exports" / ".trained").glob("*/rest.npz"))
    assert kept == after and before == [path.stat().st_mtime_ns for path in after]


def test_k_formats_are_read_back_by_the_gguf_package() -> None:
    """ggml writes them, gguf-py reads them: the values come back within a step of the format."""
    import gguf

    from huohou.export.ggufs.quantise import Kind, packed

    values = np.random.default_rng(0).normal(size=(4, 512)).astype(np.float32)
    for kind, width in ((Kind.Q4_K, 0.3), (Kind.Q6_K, 0.08), (Kind.Q5_0, 0.2)):
        back = gguf.quants.dequantize(packed(values, kind), kind)
        assert np.abs(back - values).max() < width
