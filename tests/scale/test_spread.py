"""Mining spread over a Ray cluster gives what one process gives, to the bit, whatever dies."""

import json
import os
import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huohou.config import ComputeSettings
from huohou.errors import ModelError, RunFailedError
from huohou.jobs import nodes as machines
from huohou.jobs.claim import claim_of
from huohou.jobs.connection import connected
from huohou.jobs.spread import Spread
from huohou.models.encoder import Encoder, load_encoder
from huohou.probe import embeddings, search
from huohou.probe.embeddings import both_sides
from huohou.probe.search import top_k
from teams import WORDS, command, nodes
from tiny_encoder import tiny_encoder_folder
from waiting import PATIENCE, wait_until

pytestmark = pytest.mark.slow
POOL = [" ".join(random.Random(i).choices(WORDS.split(), k=1 + i % 9)) for i in range(40)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Two nodes, and this process connected to them."""
    with nodes({"num_cpus": 1}) as address, connected(f"ray://{address}", quiet=True):
        yield address


def spread(workers: int = 2, **settings: Any) -> Spread:
    return Spread(claim_of(ComputeSettings(on="ray", workers=workers, **settings), "cpu"))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return load_encoder(str(tiny_encoder_folder(tmp_path_factory.mktemp("encoder") / "base")))


@given(
    texts=st.lists(st.sampled_from(POOL), min_size=1, max_size=30),
    asked=st.integers(1, 12),
    shard=st.integers(1, 9),
    rows=st.integers(1, 5),
    workers=st.integers(1, 9),
)
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_vectors_and_what_is_found_are_those_of_one_process(
    cluster: str,
    encoder: Encoder,
    texts: list[str],
    asked: int,
    shard: int,
    rows: int,
    workers: int,
) -> None:
    """Equal texts, shards that are short or exactly full, more workers than shards and than cores."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embeddings, "SHARD", shard)
        patch.setattr(search, "ROWS", rows)
        there = spread(workers)
        one = [side.of(some) for side, some in sides(encoder, texts, asked, None)]
        many = [side.of(some) for side, some in sides(encoder, texts, asked, there.of(encoder))]
        k = min(7, len(texts))
        alone, shared = top_k(*one, k), top_k(*many, k, blocks=there.blocks)
    for mine, theirs in zip([*one, *alone], [*many, *shared], strict=True):
        assert mine.dtype == theirs.dtype and mine.tobytes() == theirs.tobytes()
    shards = sum(-(-len(set(some)) // shard) for some in (texts, POOL[:asked]))
    blocks = -(-asked // rows)
    assert there.tasks == shards + (blocks if blocks > 1 else 0)


def sides(encoder: Encoder, texts: list[str], asked: int, elsewhere: Any) -> list[Any]:
    queries, passages = both_sides(encoder, elsewhere=elsewhere)
    return [(queries, POOL[:asked]), (passages, texts)]


def test_another_model_at_the_same_path_is_refused(cluster: str, tmp_path: Path) -> None:
    folder = tiny_encoder_folder(tmp_path / "model")
    there = spread().of(load_encoder(str(folder)))("cosine", "query")
    tiny_encoder_folder(folder, seed=1)
    with pytest.raises(ModelError, match="has another model"):
        list(there([["open a file"]]))
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="cannot load"):
        list(there([["open a file"]]))


def test_what_fails_or_dies_every_time_is_said(cluster: str) -> None:
    there = spread(restarts=1)
    with pytest.raises(RunFailedError, match="died more than 1 times"):
        list(there._answers(lambda: os._exit(1), [()]))
    with pytest.raises(RunFailedError, match="ZeroDivisionError"):
        list(there._answers(lambda: {"found": 1 / 0}, [()]))


def test_other_versions_are_told_and_no_folder_is_asked_for(
    cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines.check_versions()
    mine = machines.versions()
    monkeypatch.setattr(machines, "versions", lambda: mine | {"torch": "2.0.0"})
    with pytest.raises(RunFailedError, match=r"torch \S+, here 2\.0\.0"):
        machines.check_versions()


def test_too_small_a_cluster_is_told(cluster: str, corpus: Path, small: Path) -> None:
    how = ("--on", f"ray://{cluster}", "--workers", "9")
    told = mine(corpus, corpus.parent / "out", small, *how, HUOHOU_COMPUTE__WAIT="1")
    _, err = told.communicate(timeout=PATIENCE)
    assert told.returncode == 1
    assert "9 CPU asked for, the cluster has 2" in err and "Nothing was started after 1 s" in err
    assert not (corpus.parent / "out").exists()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Slow enough for a shard to be interrupted."""
    size = {"hidden_size": 128, "intermediate_size": 512}
    return tiny_encoder_folder(tmp_path_factory.mktemp("small") / "model", **size)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,400 questions, their passages and some passages twice: three ragged shards a side."""
    chance = random.Random(0)
    path = tmp_path_factory.mktemp("corpus") / "pairs.jsonl"
    rows = []
    for i in range(2400):
        said = [*chance.choices(WORDS.split(), k=5 + i % 40), str(i)]
        if i % 9 == 1:
            said = rows[-1]["positive"].split()
        rows.append({"anchor": " ".join(said[-3:]), "positive": " ".join(said)})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def mine(pairs: Path, out: Path, model: Path, *how: str, **env: str) -> "subprocess.Popen[str]":
    words = ("mine", str(pairs), "-o", str(out), "--model", str(model), "--json", *how)
    return command(*words, HUOHOU_CACHE=str(out.parent / "cache"), **env)


def test_interrupted_and_a_worker_killed_the_files_are_those_of_one_process(
    corpus: Path, small: Path, tmp_path: Path
) -> None:
    ray = ("--on", "ray", "--workers", "2")
    there, alone = tmp_path / "there" / "out", tmp_path / "alone" / "out"
    first = mine(corpus, there, small, *ray)
    wait_until(lambda: any(there.parent.rglob("*.npz")) or first.poll() is not None)
    first.send_signal(signal.SIGINT)
    _, err = first.communicate(timeout=PATIENCE)
    assert first.returncode == 130, err
    kept = {path: path.stat().st_mtime_ns for path in there.parent.rglob("*.npz")}
    assert kept and not there.exists() and not list(there.parent.rglob("*.part"))
    again = mine(corpus, there, small, *ray)
    kill_encoding(again)
    out, err = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, err
    spread_over = json.loads(out)  # and nothing of Ray's beside it
    out, err = mine(corpus, alone, small).communicate(timeout=PATIENCE)
    whole = json.loads(out)
    assert 0 < spread_over["encoded"] < whole["encoded"]
    assert all(path.stat().st_mtime_ns == then for path, then in kept.items())
    assert spread_over["tasks"] > 0 == whole["tasks"]
    for name in ("hard_negatives.jsonl", "ledger.jsonl"):
        assert (there / name).read_bytes() == (alone / name).read_bytes()
    assert vectors(there) == vectors(alone)


def vectors(out: Path) -> dict[str, bytes]:
    """What each file of the cache holds."""
    found = {}
    for path in (out.parent / "cache").rglob("*.npz"):
        with np.load(path, allow_pickle=False) as shard:
            found[path.name] = shard["keys"].tobytes() + shard["vectors"].tobytes()
    return found


def kill_encoding(told: "subprocess.Popen[str]") -> None:
    """SIGKILL for a process of Ray's that is encoding a shard for this command."""
    killed: list[int] = []

    def struck() -> bool:
        assert told.poll() is None, "it was over before"
        for process in psutil.Process(told.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # gone since it was listed
                if process.name().startswith("ray::encode") and busy(process):
                    process.kill()
                    killed.append(process.pid)
        return bool(killed)

    wait_until(struck)


def busy(process: psutil.Process) -> bool:
    """Whether it is past its imports, in the middle of a shard."""
    return "libtorch_cpu.so" in {Path(one.path).name for one in process.memory_maps()} and bool(
        process.cpu_percent(0.3) > 20
    )
