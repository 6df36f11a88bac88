"""Retrieval: mine hard negatives. Nothing heavy is imported early."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from huohou.api.common import find_run, need_extra
from huohou.api.spreading import spread

if TYPE_CHECKING:
    from huohou.data.pairs import PairSet
    from huohou.jobs.spread import Spread
    from huohou.models.encoder import Encoder
    from huohou.probe.mine import Judge
    from huohou.probe.mined import Mined, MineOptions

Progress = Callable[[int, int], None]
PAIRS, LEDGER = "hard_negatives.jsonl", "ledger.jsonl"


def mine(
    source: str | Path,
    out: Path,
    *,
    model: str = "minilm-l6",
    judge: str | None = None,
    reviewed: Path | None = None,
    score: str = "cosine",
    device: str = "auto",
    format: str | None = None,
    cache: bool = True,
    force: bool = False,
    on: str = "local",
    workers: int | None = None,
    gpus_per_worker: float | None = None,
    progress: Progress | None = None,
    note: Callable[[str], object] = lambda _: None,
    **options: Any,
) -> dict[str, Any]:
    """Mine hard negatives for the training queries of a source: the document of `mine --json`.

    out: a folder for hard_negatives.jsonl, which can be trained on, and ledger.jsonl; model, judge:
    a model's name, or a run; reviewed: a ledger whose promoted rows become positives; on, workers,
    gpus_per_worker: a Ray cluster that encodes and searches, with the same result; note: is told
    what happens; options: fields of ``huohou.probe.mined.MineOptions``. Raises DataError,
    UsageError, ModelError, RunFailedError for a cluster that cannot be used.
    """
    need_extra("train", "torch", "transformers")
    from huohou.data.pairs import fingerprint_pairs
    from huohou.data.write import refuse_existing
    from huohou.models.device import choose_device
    from huohou.models.encoder import load_encoder
    from huohou.probe.ledger import promoted
    from huohou.probe.mine import mine as search
    from huohou.probe.mined import MineOptions

    asked, files = MineOptions(**options), (out / PAIRS, out / LEDGER)
    refuse_existing(files, force=force)
    pairs, count = _training(source, format), 0
    if reviewed is not None:
        pairs, count = promoted(pairs, reviewed)
    place = choose_device(device).value
    with spread(on, workers, gpus_per_worker, place, note) as cluster:
        encoder = load_encoder(_model(model), device=place)
        how = _How(score, cache, progress, cluster)
        queries, passages, made = _vectors(encoder, pairs, how)
        second = _judge(judge, pairs, place, how) if judge else None
        blocks = cluster.blocks if cluster else None
        mined = search(pairs, queries, passages, asked, judge=second, blocks=blocks)
        tasks = cluster.tasks if cluster else 0
    about = {
        "model": model,
        "fingerprint": encoder.fingerprint,
        "score": score,
        "judge": judge,
        "pairs": pairs.source,
        "pairs_fingerprint": fingerprint_pairs(pairs),
    }
    _write(files, pairs, mined, asked, about)
    work = {"promoted": count, "encoded": made, "on": on, "tasks": tasks}
    return _document(mined, asked, about, files) | work


class _How(NamedTuple):
    """How vectors are made; cluster: by whom, None for this process."""

    score: str
    cache: bool
    progress: Progress | None
    cluster: "Spread | None"


def _training(source: str | Path, format: str | None) -> "PairSet":
    """The training queries of a folder, over its whole corpus; all queries of a file."""
    from huohou.data.pairs import read_pairs

    return read_pairs(source, "train" if Path(source).is_dir() else None, format)


def _model(name: str) -> str:
    """A model's name; of a run the model it made."""
    if name == "last" or name.isdecimal():
        return str(find_run(name).folder / "model")
    return name


def _vectors(encoder: "Encoder", pairs: "PairSet", how: _How) -> tuple[Any, Any, int]:
    """Vectors of queries and of the passages that may be mined, and how many were made anew."""
    from huohou.models.cache import cache_folder
    from huohou.probe.embeddings import both_sides
    from huohou.probe.mine import minable

    folder = cache_folder() / "embeddings" if how.cache else None
    elsewhere = how.cluster.of(encoder) if how.cluster else None
    more: dict[str, Any] = {"score": how.score, "progress": how.progress, "elsewhere": elsewhere}
    asked, answering = both_sides(encoder, folder, **more)
    texts = [pairs.passages[i].text for i in minable(pairs)]
    passages = answering.of(texts)
    queries = asked.of([query.text for query in pairs.queries], "query")
    return queries, passages, asked.made + answering.made


def _judge(name: str, pairs: "PairSet", device: str, how: _How) -> "Judge":
    from huohou.models.encoder import load_encoder
    from huohou.models.names import resolve
    from huohou.probe.judges import by_reading, by_vectors, load_cross_encoder, reads_pairs
    from huohou.probe.mine import minable

    source = resolve(_model(name))
    if reads_pairs(source.folder):
        texts = [pairs.passages[i].text for i in minable(pairs)]
        model = load_cross_encoder(source.folder, device)
        return by_reading(model, [query.text for query in pairs.queries], texts)
    encoder = load_encoder(_model(name), device=device)
    queries, passages, _ = _vectors(encoder, pairs, how._replace(score="cosine"))
    return by_vectors(queries, passages)


def _write(
    files: tuple[Path, Path],
    pairs: "PairSet",
    mined: "Mined",
    asked: "MineOptions",
    about: dict[str, Any],
) -> None:
    import json

    from huohou.data.write import write_texts
    from huohou.probe.ledger import ledger_rows, pair_rows

    rows = (pair_rows(pairs, mined), ledger_rows(pairs, mined, asked, about))
    texts = ["".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in found) for found in rows]
    write_texts(dict(zip(files, texts, strict=True)), force=True)


def _document(
    mined: "Mined", asked: "MineOptions", about: dict[str, Any], files: tuple[Path, Path]
) -> dict[str, Any]:
    from dataclasses import asdict

    from huohou.probe.mined import KEPT

    kept = mined.reasons[KEPT]
    return {
        "schema": 1,
        **about,
        "options": asdict(asked),
        "queries": len(mined.queries),
        "corpus": mined.corpus,
        "passages": mined.passages,
        "kept": kept,
        "reasons": dict(mined.reasons.most_common()),
        "curve": [
            {"relative": share if share < float("inf") else None, "kept": n, "queries": enough}
            for share, n, enough in mined.curve
        ],
        "notes": list(mined.notes),
        "files": [str(path) for path in files],
    }
