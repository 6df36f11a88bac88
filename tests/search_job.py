"""Finished jobs of a search for tests: pairs that words alone find, and tiny encoders."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from huohou.config import load
from huohou.data.pairs import PairSet, Passage, Query, fingerprint_pairs, split_pairs, write_pairs
from huohou.plan import Choice, DataPart, Plan, Prediction

THINGS = (
    "file",
    "list",
    "number",
    "socket",
    "thread",
    "string",
    "lock",
    "queue",
    "process",
    "line",
)
DEEDS = ("open", "read", "sort", "parse", "encode", "decode")


def pairs() -> PairSet:
    """Sixty questions of ten documents, each answered by a passage of its own."""
    passages, queries = [], []
    for thing in THINGS:
        for deed in DEEDS:
            id = f"{thing}.{deed}"
            text = f"{id}() will {deed} one {thing} after another and return the {thing}"
            passages.append(Passage(id, text, thing))
            queries.append(Query(id, f"how to {deed} a {thing}?", (id,)))
    return PairSet("made", "pairs", tuple(passages), tuple(queries))


def pairs_folder(folder: Path) -> Path:
    """The pairs as a BEIR folder in three parts, by document."""
    write_pairs(folder, split_pairs(pairs(), 0.2, 0.3, seed=1))
    return folder


def search_plan(data: Path, model: Path, recipe: str = "embed", flags: Sequence[str] = ()) -> Plan:
    """A frozen plan over a BEIR folder."""
    from huohou.data.pairs import read_pairs

    given = [f"recipe={recipe}", f"model={model}", "name=tiny", "train.max_length=64"]
    settings = load(None, [*given, f"data.train={data}", f"data.eval={data}", *flags], {})

    def part(name: Any) -> DataPart:
        found = read_pairs(data, name)
        return DataPart(str(data), found.format, len(found), 1, 1, fingerprint_pairs(found))

    return Plan(
        name="tiny",
        recipe=recipe,
        model=str(model),
        settings=settings.table(),
        train=part("train"),
        eval=part("eval"),
        device=Choice("cpu", ""),
        dtype=Choice("float32", ""),
        template="",
        prediction=Prediction(1, 1, 0.0, 1, 1, 1, 1.0, 1),
        facts={"max_tokens": 2048},
    )


def search_job(folder: Path, plan: Plan, model: Path) -> Path:
    """A job's folder with its plan and, as its result, a copy of a model."""
    folder.mkdir(parents=True)
    plan.save(folder / "plan.json")
    shutil.copytree(model, folder / "model")
    return folder
