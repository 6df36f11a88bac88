"""What tasks of a Ray cluster do: encode a shard of texts, search for a block of queries."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from huohou.errors import HuohouError, ModelError
from huohou.probe.search import Vectors, best

if TYPE_CHECKING:
    from huohou.measure.gaussian import Side
    from huohou.models.encoder import Encoder


@dataclass(frozen=True, slots=True)
class Asked:
    """An encoder and a side of it. model: a name, or a folder that every machine has at this path;
    fingerprint: of the driver's; threads: of this process.
    """

    model: str
    fingerprint: str
    device: str
    threads: int
    score: str
    side: "Side"


def encode(asked: Asked, texts: Sequence[str]) -> dict[str, Any]:
    """``vectors`` of a shard, or ``refused``: what is wrong, by the class of an error, its key and
    its fields (an error of ours does not travel as it is).
    """
    from huohou.probe.embeddings import side_encode

    try:
        encoder = _encoder(asked.model, asked.fingerprint, asked.device, asked.threads)
    except HuohouError as error:
        fields = {name: str(value) for name, value in error.fields.items()}
        return {"refused": (type(error).__name__, error.key, fields)}
    return {"vectors": side_encode(encoder, asked.score, asked.side)(texts)}


def search(queries: Vectors, passages: Vectors, k: int, memory: int) -> dict[str, Any]:
    """``found``: places and scores of a block of queries, as ``best`` has them."""
    return {"found": best(queries, passages, k, memory)}


@lru_cache(maxsize=1)
def _encoder(model: str, fingerprint: str, device: str, threads: int) -> "Encoder":
    """Loaded once a process. Raises ModelError for another model than the driver's, or none."""
    import torch

    from huohou.models.encoder import load_encoder

    torch.set_num_threads(threads)
    host = socket.gethostname()
    try:
        encoder = load_encoder(model, device=device)
    except HuohouError as error:
        raise ModelError("spread.no_model", host=host, model=model, problem=error) from error
    if encoder.fingerprint != fingerprint:
        raise ModelError("spread.other_model", host=host, model=model)
    return encoder
