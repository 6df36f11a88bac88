"""Manifests of copied checkpoints: what is taken for one, and which copies go."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huohou.record.manifests import Listed, Manifest, loads, name_for, step_of, surplus

SOUND = Manifest(
    "0123abcd",
    40,
    "checkpoint-40-0123abcd-89abcdef",
    {"adapter_model.safetensors": Listed(1000, "a" * 64), "deep/rng.pth": Listed(0, "b" * 64)},
    best=20,
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
)


@given(
    step=st.integers(0, 10**15 - 1),
    files=st.dictionaries(
        st.lists(st.sampled_from(["a", "b.bin", "c-d", "..e", "火"]), min_size=1).map("/".join),
        st.tuples(st.integers(0, 2**60), st.integers(0, 2**256 - 1).map("{:064x}".format)),
        min_size=1,
        max_size=4,
    ),
    best=st.none() | st.integers(0, 10**9),
)
def test_a_manifest_comes_back(
    step: int, files: dict[str, tuple[int, str]], best: int | None
) -> None:
    listed = {name: Listed(*one) for name, one in files.items()}
    whole = Manifest("0123abcd", step, f"checkpoint-{step}-0123abcd-00000000", listed, best)
    assert loads(name_for(step), whole.dumps()) == whole


@given(st.text() | anything.map(json.dumps))
def test_what_is_none_is_never_taken_for_one(text: str) -> None:
    assert loads("checkpoint-40.json", text) is None


@given(st.integers(0, len(SOUND.dumps()) - 1))
def test_a_manifest_cut_anywhere_is_none(at: int) -> None:
    assert loads("checkpoint-40.json", SOUND.dumps()[:at]) is None


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/etc/passwd",
        "a/../../x",
        "..",
        "",
        "a//b",
        "C:\\x",
        "a\\..\\b",
        "c:x",
        "./a",
        "a\0",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    told = replace(SOUND, files={name: Listed(1, "a" * 64)})
    assert loads("checkpoint-40.json", told.dumps()) is None


@pytest.mark.parametrize("folder", ["../checkpoint-40-x", "checkpoint-41-x", "checkpoint-40", "x"])
def test_a_folder_that_is_not_its_own_is_refused(folder: str) -> None:
    assert loads("checkpoint-40.json", replace(SOUND, folder=folder).dumps()) is None


def test_a_manifest_of_another_name_is_refused() -> None:
    assert loads("checkpoint-41.json", SOUND.dumps()) is None
    assert [step_of(n) for n in ("checkpoint-7.json", "checkpoint-07.json", "a.json")] == [
        7,
        None,
        None,
    ]


@settings(max_examples=20)
@given(
    steps=st.sets(st.integers(1, 60), min_size=1, max_size=8),
    limit=st.integers(1, 5),
    data=st.data(),
)
def test_what_goes_is_what_transformers_would_delete(
    steps: set[int], limit: int, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from transformers.trainer_utils import rotate_checkpoints

    best = data.draw(st.none() | st.sampled_from(sorted(steps)))
    place = tmp_path_factory.mktemp("kept")
    for step in steps:
        (place / f"checkpoint-{step}").mkdir()
    rotate_checkpoints(str(place), limit, str(place / f"checkpoint-{best}") if best else None)
    kept = {int(path.name.rpartition("-")[2]) for path in Path(place).iterdir()}
    gone = surplus(steps, limit, best)
    assert steps - set(gone) == kept
    assert max(steps) not in gone and best not in gone
