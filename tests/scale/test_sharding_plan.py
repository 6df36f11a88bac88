"""When a plan splits a model among workers, and what it says of it."""

import math
from pathlib import Path

import pytest
from click.testing import CliRunner

from huohou import api, machine
from huohou.cli.main import cli
from huohou.config import ComputeSettings, RunSettings
from huohou.errors import ConfigError
from huohou.plan import Prediction
from huohou.plan.workers import per_worker, sharding
from huohou.recipes.cost import memory_measures
from teams import pair_flags, sft_flags

ONE = Prediction(100, 600_000, 0.0, 1_000_000, 4_000_000_000, 20_000_000_000, 60.0, 0)
SIZES = {
    "held": 16_000_000_000,
    "gathered": 1_000_000_000,
    "weights": 16_000_000_000,
    "tokens": 4096,
}
TWO = ("compute.on=torchrun", "compute.workers=2")


def asked(workers: int, how: str = "auto") -> ComputeSettings:
    return ComputeSettings.model_validate({"on": "torchrun", "workers": workers, "sharding": how})


@pytest.mark.parametrize(
    ("workers", "how", "room", "found"),
    [
        (2, "auto", 20e9, "none"),  # it just fits
        (2, "auto", 19.9e9, "fsdp"),
        (1, "auto", 19.9e9, "none"),  # nobody to split it with
        (1, "fsdp", 19.9e9, "none"),  # as where a run goes on in one process
        (2, "none", 1e9, "none"),
        (2, "fsdp", math.inf, "fsdp"),
    ],
)
def test_a_model_is_split_where_it_does_not_fit(
    workers: int, how: str, room: float, found: str
) -> None:
    assert sharding(asked(workers, how), ONE, SIZES, room) == found


def test_what_cannot_be_split_is_not_or_is_refused() -> None:
    assert sharding(asked(2), ONE, None, 1e9) == "none"
    with pytest.raises(ConfigError, match=r"compute\.sharding"):
        sharding(asked(2, "fsdp"), ONE, None, 1e9)


def test_what_splitting_saves_and_sends() -> None:
    whole = per_worker(asked(4, "none"), ONE, "cuda", SIZES, 1e9)
    split = per_worker(asked(4, "fsdp"), ONE, "cuda", SIZES, 1e9)
    assert whole["memory_bytes"] == split["memory_whole_bytes"] == 20_000_000_000
    assert split["memory_bytes"] == 20_000_000_000 - 12_000_000_000 + 1_000_000_000
    # one pass an update: 6,000 tokens, 1,500 a worker
    assert split["sent_bytes"] - whole["sent_bytes"] == 2 * 3 * 16_000_000_000 // 4
    assert split["seconds"] > whole["seconds"]


@pytest.mark.parametrize(("memory", "found"), [(64 << 30, "none"), (1 << 30, "fsdp")])
def test_a_plan_splits_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: int, found: str
) -> None:
    """Two workers of this machine have half of its memory each."""
    monkeypatch.setattr(machine, "memory_bytes", lambda: memory)
    flags = sft_flags(tmp_path)
    told = api.make_plan(None, [*flags, *TWO]).facts["workers"]
    assert told["sharding"] == found
    assert ("memory_whole_bytes" in told) == (found == "fsdp")
    assert "workers" not in api.make_plan(None, flags).facts


def test_the_command_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = [piece for flag in (*sft_flags(tmp_path), *TWO) for piece in ("-s", flag)]
    shown = CliRunner().invoke(cli, ["plan", *flags, "-s", "compute.sharding=fsdp"])
    assert "split the model (fsdp)" in shown.output, shown.output
    shown = CliRunner().invoke(cli, ["plan", *flags])
    assert "split the model" not in shown.output


def test_a_recipe_that_needs_the_whole_model_refuses(tmp_path: Path) -> None:
    flags = pair_flags(tmp_path, "align", 26, "align.top_k=0", "align.draw=random")
    with pytest.raises(ConfigError, match="align"):
        api.make_plan(None, [*flags, *TWO, "compute.sharding=fsdp"])
    assert api.make_plan(None, [*flags, *TWO]).facts["workers"]["sharding"] == "none"


def test_weights_in_four_bits_are_not_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huohou.recipes.cost._free_cuda", lambda: 1)
    monkeypatch.setattr("huohou.recipes.cost.find_spec", lambda name: object())
    alone = RunSettings()
    assert memory_measures(alone, "cuda", 100)["four_bit"], "as ever"
    two = alone.model_copy(update={"compute": asked(2)})
    assert not memory_measures(two, "cuda", 100)["four_bit"], "it is split instead"
    none = alone.model_copy(update={"compute": asked(2, "none")})
    assert memory_measures(none, "cuda", 100)["four_bit"]
    train = alone.train.model_copy(update={"four_bit": "on"})
    both = alone.model_copy(update={"compute": asked(2, "fsdp"), "train": train})
    with pytest.raises(ConfigError, match="four_bit"):
        memory_measures(both, "cuda", 100)
