"""A second opinion on mined passages: another encoder, or a cross-encoder that reads both texts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from huohou.errors import ModelError
from huohou.models.files import read_json
from huohou.probe.mine import Judge
from huohou.probe.search import Vectors


class CrossEncoder(Protocol):
    """As sentence-transformers has it."""

    def predict(self, inputs: list[tuple[str, str]], **options: Any) -> NDArray[np.floating]:
        """One score for each pair of query and passage."""
        ...


def by_vectors(queries: Vectors, passages: Vectors) -> Judge:
    """Another encoder's inner products; passages: of the mined corpus, in its order."""

    def judge(query: int, places: Sequence[int]) -> NDArray[np.floating]:
        return np.asarray(passages[list(places)] @ queries[query])

    return judge


def by_reading(model: CrossEncoder, queries: Sequence[str], passages: Sequence[str]) -> Judge:
    """A cross-encoder's scores."""

    def judge(query: int, places: Sequence[int]) -> NDArray[np.floating]:
        asked = [(queries[query], passages[place]) for place in places]
        scores = np.asarray(model.predict(asked, show_progress_bar=False), dtype=float)
        if scores.shape != (len(asked),):
            raise ModelError("mine.judge_shape", shape=scores.shape)
        return scores

    return judge


def reads_pairs(folder: Path) -> bool:
    """Whether a model's folder holds a cross-encoder: a classifier, no encoder's modules."""
    if (folder / "modules.json").is_file():
        return False
    kinds = read_json(folder / "config.json").get("architectures") or []
    return any(str(kind).endswith("ForSequenceClassification") for kind in kinds)


def load_cross_encoder(folder: Path, device: str) -> CrossEncoder:
    """From files on the disk alone, without any code of the model's. Raises ModelError."""
    from sentence_transformers import CrossEncoder as Reader

    try:
        model: CrossEncoder = Reader(
            str(folder), device=device, trust_remote_code=False, local_files_only=True
        )
    except (OSError, ValueError) as error:
        problem = str(error).splitlines()[0]
        raise ModelError("models.cannot_load", name=folder, problem=problem) from error
    return model
