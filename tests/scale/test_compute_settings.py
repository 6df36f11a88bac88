"""Who trains: in a run file, by options, on the page; and what cannot be."""

import importlib.util
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from huohou import api, config, machine
from huohou.api import jobs
from huohou.api.places import allowed_settings
from huohou.cli.train import computing
from huohou.config import ComputeSettings
from huohou.errors import ConfigError, MissingExtraError, UsageError
from huohou.jobs.address import check_address
from huohou.models import device
from huohou.plan import Choice, DataPart, Plan, Prediction
from huohou.plan.workers import per_worker
from teams import shared


@pytest.mark.parametrize("on", ["local", "torchrun", "ray", "ray://10.0.0.5:6379", "ray://head"])
def test_places_that_can_train(on: str) -> None:
    assert config.load(flags=[f"compute.on={on}"], environment={}).run.compute.on == on


@pytest.mark.parametrize("wrong", ["on=slurm", "on=ray://", "workers=0", "restarts=-1", "nodes=2"])
def test_what_is_wrong_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError):
        config.load(flags=[f"compute.{wrong}"], environment={})


def test_several_workers_need_somebody_who_starts_them() -> None:
    with pytest.raises(ConfigError, match="--on torchrun"):
        api.make_plan(None, ["data.train=x.jsonl", "compute.workers=2"])


def test_local_is_one_process() -> None:
    assert computing("local", None, None)["compute.workers"] == 1


def test_the_form_has_the_settings() -> None:
    fields = {one["key"]: one for one in api.settings_schema()["fields"]}
    assert fields["compute.on"]["default"] == "local"
    assert fields["compute.workers"]["min"] == 1
    assert fields["compute.gpus_per_worker"]["optional"]


def test_an_address_where_nobody_listens_is_told_at_once() -> None:
    with pytest.raises(UsageError, match=re.escape("127.0.0.1:9 ")):
        check_address("127.0.0.1:9")


def test_without_ray_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch, plan: Plan
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="scale"):
        jobs.can_compute(shared(plan, "ray", 2))


@pytest.mark.parametrize(("gpus", "enough"), [(0, False), (1, False), (2, True), (3, True)])
def test_workers_of_torchrun_have_a_gpu_each(
    monkeypatch: pytest.MonkeyPatch, plan: Plan, gpus: int, enough: bool
) -> None:
    """The GPUs are made up: no machine that runs this has as many."""
    there = {f"cuda:{k}": "a GPU" for k in range(gpus)} | {"cpu": "a CPU"}
    monkeypatch.setattr(device, "devices", lambda: there)
    two = shared(plan, "torchrun", 2)
    jobs.can_compute(two)  # on CPUs they share the cores
    on_gpus = replace(two, device=Choice("cuda", "test"))
    if enough:
        jobs.can_compute(on_gpus)
    else:
        with pytest.raises(UsageError, match=f"it has {gpus}"):
            jobs.can_compute(on_gpus)


@pytest.fixture
def plan() -> Plan:
    """A plan of which only the settings matter."""
    part = DataPart("train.jsonl", "messages", 4, 40, 20, "0" * 64)
    return Plan(
        name="tiny",
        recipe="sft",
        model="tiny",
        settings=config.load(environment={}).table(),
        train=part,
        eval=None,
        device=Choice("cpu", "test"),
        dtype=Choice("float32", "test"),
        template="",
        prediction=Prediction(*(0 for _ in fields(Prediction))),
    )


def test_what_workers_will_cost() -> None:
    one = Prediction(100, 0, 0.0, 1_000_000, 10_000_000, 2_000_000_000, 60.0, 0)
    here = per_worker(ComputeSettings(on="torchrun", workers=4), one, "cpu")
    assert here["sent_bytes"] == 6_000_000
    assert here["seconds"] == pytest.approx(60.6), "the same cores do the same work"
    gpus = per_worker(ComputeSettings(on="torchrun", workers=4), one, "cuda")
    assert gpus["seconds"] == pytest.approx(15.6)
    cores = machine.cores()
    told = ComputeSettings(on="ray", workers=3, cpus_per_worker=cores)
    assert per_worker(told, one, "cpu")["seconds"] == pytest.approx(20 + 100 * 16e6 / 3 / 1e9)
    assert gpus["memory_bytes"] == 2_000_000_000


@pytest.mark.parametrize("wrong", ["runs", "/mnt/runs", "filecache::s3://b/p", "s3://a b", "://x"])
def test_what_is_no_address_of_a_storage_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError):
        config.load(flags=[f"compute.storage={wrong}"], environment={})


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("s3://lin:secret@bucket/team", "a name or a password"),
        ("az://box/team?sig=secret", "a name or a password"),
        ("file:///mnt/team::s3://lin:secret@bucket", "a name or a password"),
        ("s3://bucket/team::http://127.0.0.1/", "is no address"),
        ("s3://bucket/team[1]", "is no address"),
        ("s3://bucket/team*", "is no address"),
        ("file://mnt/team", "is no address"),
    ],
)
def test_an_address_with_a_secret_or_two_meanings_makes_no_plan(wrong: str, words: str) -> None:
    """Refused with the settings, before a plan of it is shown or kept anywhere."""
    with pytest.raises(ConfigError, match=words) as caught:
        config.load(flags=[f"compute.storage={wrong}"], environment={})
    assert "secret" not in str(caught.value)
    assert caught.value.fields["key"] == "compute.storage"


def test_storage_none_is_none() -> None:
    told = computing(None, None, None, "none")["compute.storage"]
    assert config.load(flags=[f"compute.storage={told}"]).run.compute.storage is None


def test_the_page_copies_into_buckets_and_open_folders_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUOHOU_FOLDERS", str(tmp_path))
    here = {"compute.storage": f"file://{tmp_path}/copies"}
    assert allowed_settings(here) == here
    bucket = {"compute.storage": "s3://bucket/team"}
    assert allowed_settings(bucket) == bucket
    for closed in ("file:///etc", "local:///etc", f"file://{tmp_path}/../x", "sftp://host/x"):
        with pytest.raises(UsageError, match=r"compute\.storage|not in a folder"):
            allowed_settings({"compute.storage": closed})
