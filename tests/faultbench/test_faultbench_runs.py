"""The stored runs of FT-FaultBench are as many as promised, and can be made again."""

import gzip
import hashlib
import json
import math
import re
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNS = ROOT / "bench" / "faultbench" / "runs"
# splits with the way that each plants
SPLITS = {
    "dev": "a",
    "test": "b",
    "test2": "c",
    "test3": "d",
    "test4": "e",
    "test5": "f",
    "test6": "g",
    "test7": "h",
}
# a fault for which no third sound draw of a split has what its way needs
TWO_DRAWS = {("test7", "temperature-off")}
CODES = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def load(split: str) -> list[dict[str, Any]]:
    path = RUNS / f"{split}.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def runs() -> dict[str, list[dict[str, Any]]]:
    return {split: load(split) for split in SPLITS}


def of(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [run for run in found if run["kind"] == kind]


def test_healthy_runs_are_enough_and_sound_in_truth(runs: dict[str, Any]) -> None:
    for found in runs.values():
        healthy = of(found, "healthy")
        assert len(healthy) >= 150
        assert all(run["truth"]["sound"] and run["truth"]["end"] < run["truth"]["start"] * 0.71
                   for run in healthy)  # fmt: skip
    assert sum(len(of(found, "healthy")) for found in runs.values()) >= 650


def test_every_fault_has_three_severities_and_three_seeds_in_each_split(
    runs: dict[str, Any],
) -> None:
    for split, way in SPLITS.items():
        seen: dict[str, set[tuple[int, int]]] = defaultdict(set)
        for run in of(runs[split], "fault"):
            if run["way"] == way and run["tier"] != "data":
                seen[run["fault"]].add((run["severity"], run["seed"]))
        assert len(seen) >= 30
        for fault, cells in seen.items():
            seeds = {seed for _, seed in cells}
            assert len(seeds) == 2 if (split, fault) in TWO_DRAWS else len(seeds) >= 3, fault
            assert cells == {(s, seed) for s in (1, 2, 3) for seed in seeds}, fault


def test_each_split_has_ways_and_architectures_that_those_before_never_saw(
    runs: dict[str, Any],
) -> None:
    archs = {split: {run["arch"] for run in found} for split, found in runs.items()}
    assert sum(map(len, archs.values())) == len(set().union(*archs.values()))
    for split, found in runs.items():
        for family in ("lm", "embedding"):
            assert len({r["arch"] for r in found if r["family"] == family}) >= 2, split
    ways = {split: {r["way"] for r in of(found, "fault")} for split, found in runs.items()}
    held = {"test": {"a", "b"}, "test2": {"b", "c"}, "test3": {"c", "d"}, "test4": {"d", "e"}}
    held |= {"test5": {"e", "f"}, "test6": {"f", "g"}, "test7": {"g", "h"}}
    expected = {"dev": {"a"}} | held
    assert ways == expected


@pytest.mark.parametrize(
    ("split", "way", "before"),
    [
        ("test2", "c", "b"),
        ("test3", "d", "c"),
        ("test4", "e", "d"),
        ("test5", "f", "e"),
        ("test6", "g", "f"),
        ("test7", "h", "g"),
    ],
)
def test_a_held_split_plants_each_fault_once_in_a_way_known_before(
    runs: dict[str, Any], split: str, way: str, before: str
) -> None:
    known = [run["fault"] for run in of(runs[split], "fault") if run["way"] == before]
    assert len(known) == len(set(known)) >= 40
    new = {run["fault"] for run in of(runs[split], "fault") if run["way"] == way}
    assert new == set(known)


def test_no_held_split_shares_a_draw(runs: dict[str, Any]) -> None:
    seeds = {split: {run["seed"] for run in found} for split, found in runs.items()}
    assert not seeds["test2"] & (seeds["dev"] | seeds["test"])
    assert not seeds["test3"] & (seeds["dev"] | seeds["test"] | seeds["test2"])
    before = seeds["dev"] | seeds["test"] | seeds["test2"] | seeds["test3"]
    assert not seeds["test4"] & before
    assert not seeds["test5"] & (before | seeds["test4"])
    before |= seeds["test4"] | seeds["test5"]
    assert not seeds["test6"] & before
    assert not seeds["test7"] & (before | seeds["test6"])


def test_look_alikes_are_ten_kinds_of_four_or_more(runs: dict[str, Any]) -> None:
    kinds: dict[str, int] = defaultdict(int)
    for found in runs.values():
        for run in of(found, "look-alike"):
            kinds[run["look"]] += 1
    assert len(kinds) >= 10
    assert min(kinds.values()) >= 4


def test_runs_come_from_four_makers(runs: dict[str, Any]) -> None:
    for found in runs.values():
        makers = {run["made_by"] for run in found}
        assert makers == {"loop", "transformers", "huohou", "sentence-transformers"}


def test_each_fault_names_codes_and_says_why_it_counts(runs: dict[str, Any]) -> None:
    for run in (run for found in runs.values() for run in of(found, "fault")):
        assert run["codes"] and all(CODES.fullmatch(code) for code in run["codes"])
        assert run["reason"]
        assert run["decidable"] is False or run["tier"] in ("log", "config")


def test_logs_are_small_and_in_order(runs: dict[str, Any]) -> None:
    for run in (run for found in runs.values() for run in found):
        assert run["log"][0]["kind"] == "start"
        times = [row["t"] for row in run["log"]]
        assert times == sorted(times)
    size = sum(path.stat().st_size for path in RUNS.iterdir())
    assert size < 7_000_000


@pytest.mark.parametrize("split", [split for split in SPLITS if split != "dev"])
def test_checksum_of_a_held_split_is_the_one_stated(split: str) -> None:
    words = (RUNS.parent / "README.md").read_text(encoding="utf-8")
    digest = hashlib.sha256((RUNS / f"{split}.jsonl.gz").read_bytes()).hexdigest()
    assert digest in words


def test_development_is_all_splits_but_the_held_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.delitem(sys.modules, "bench", raising=False)
    from bench.faultbench.stored import DEVELOPMENT, HELD, is_drawn, load

    assert {*DEVELOPMENT, *([HELD] if is_drawn(HELD) else [])} == set(SPLITS)
    assert HELD not in DEVELOPMENT
    assert is_drawn("test3") and not is_drawn("test99")
    assert {run.split for run in load("development")} == set(DEVELOPMENT)
    assert {run.split for run in load("test")} == {"test"}


# What is planned for a split, and each of its settings, if every healthy draw is sound.
PLANNED = {
    "test7": "128770bfff236954",
    "test8": "1b10413ca14a543d",
}


@pytest.mark.parametrize("split", PLANNED)
def test_what_a_split_draws_stays_as_it_was_fixed(
    split: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.delitem(sys.modules, "bench", raising=False)
    from bench.faultbench import bases
    from bench.faultbench.draft import facts, settings
    from bench.faultbench.logbook import rounded
    from bench.faultbench.spec import draft_of, plans

    done: dict[str, Any] = {}
    found = hashlib.sha256()
    for one in plans(split, done):
        done[one.id] = {"kind": one.kind}
        draft = draft_of(one)
        known = facts(draft, bases.VARIANTS[draft.variant][1])
        row = [one.id, draft.arch, draft.maker, settings(draft), known, draft.evals, draft.note]
        found.update(json.dumps(rounded(row), sort_keys=True, default=str).encode())
    assert found.hexdigest()[:16] == PLANNED[split]


def test_held_splits_share_no_draw_way_or_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.delitem(sys.modules, "bench", raising=False)
    from bench.faultbench.bases import EMBEDDING, LM
    from bench.faultbench.spec import FIRST, FIRST_LOOK, HEALTHY, WAYS
    from bench.faultbench.stored import DEVELOPMENT, HELD, LATER, SPLITS

    assert set(LM) == set(EMBEDDING) == set(WAYS) == set(SPLITS) == {*DEVELOPMENT, HELD, *LATER}
    for names in (LM, EMBEDDING):
        each = [arch for archs in names.values() for arch in archs]
        assert len(each) == len(set(each))
    assert [way for way, _ in WAYS.values()] == list("abcdefghi")
    assert HEALTHY < FIRST_LOOK
    assert all(b - a >= 2 * FIRST_LOOK for a, b in pairwise(sorted(FIRST.values())))


@pytest.mark.parametrize("name", ["inverse_sqrt", "polynomial", "warmup_stable_decay"])
@pytest.mark.parametrize("shape", ["", "linear", "1-sqrt"])
def test_a_planned_schedule_is_that_of_transformers(
    name: str, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.delitem(sys.modules, "bench", raising=False)
    from bench.faultbench.draft import Draft
    from bench.faultbench.faults._kinds import planned
    from bench.faultbench.loop import schedule

    draft = Draft("lm", "llama", 0, "loop", 1, schedule=name, warmup_ratio=0.1)
    draft.power, draft.decay_shape, draft.decay_share = 2.0, shape, 0.3
    made = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs, ours = schedule(made, draft, draft.updates), planned(draft)
    for step in range(draft.updates):
        assert ours(step) == pytest.approx(made.param_groups[0]["lr"], abs=1e-6), step
        made.step()
        theirs.step()


@pytest.mark.parametrize("kind", ["healthy", "fault"])
def test_a_stored_run_can_be_made_again(
    runs: dict[str, Any], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.delitem(sys.modules, "bench", raising=False)
    from bench.faultbench.make import remake

    found = [
        run
        for run in of(runs["dev"], kind)
        if run["made_by"] == "loop"
        and run["arch"] == "llama"
        and run["facts"]["max_steps"] < 90
        and all(math.isfinite(v) for _, v in run["truth"]["curve"])
    ]
    old = found[0]
    new = remake(old["id"], {})
    pairs = [
        (a["loss"], b["loss"])
        for a, b in zip(new["log"], old["log"], strict=True)
        if "loss" in a and "loss" in b
    ]
    # Another machine rounds otherwise, and training makes that larger with every update.
    assert new["truth"]["start"] == pytest.approx(old["truth"]["start"], rel=0.02)
    assert [a for a, _ in pairs[:3]] == pytest.approx([b for _, b in pairs[:3]], rel=0.05)
    assert new["truth"]["end"] == pytest.approx(old["truth"]["end"], rel=0.15)
    assert new["facts"] == old["facts"]
