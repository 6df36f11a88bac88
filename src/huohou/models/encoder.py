"""A sentence encoder by its name: texts to vectors, as sentence-transformers computes them.

``load_encoder`` reads a sentence-transformers folder, a hub id or ``minilm-l6`` without running any
code of the model's; ``Encoder.save`` writes a folder that ``SentenceTransformer(folder)`` loads. A
Gaussian head (``gaussian.py``) adds a log-variance to each vector.
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from huohou.errors import ModelError
from huohou.models import gaussian
from huohou.models.encoder_files import read_parts
from huohou.models.encoder_model import Encoder, Vectors, Views
from huohou.models.encoder_text import UNLIMITED, Span, Spans, Tokens, chunks, load_text_tokenizer
from huohou.models.gaussian import Head
from huohou.models.loading import from_files, refuse_missing
from huohou.models.names import resolve
from huohou.models.progress import Progress

__all__ = [
    "Encoder",
    "Head",
    "Span",
    "Spans",
    "Tokens",
    "Vectors",
    "Views",
    "chunks",
    "load_encoder",
]


def load_encoder(
    name: str,
    *,
    head: Head | None = None,
    device: str = "cpu",
    dtype: str = "float32",
    max_length: int | None = None,
    progress: Progress | None = None,
) -> Encoder:
    """An encoder by its name, in eval mode.

    head: put a new Gaussian head on the token states, in place of the model's own pooling; a model
    that was saved with a head keeps it. max_length: read fewer or more tokens of a text than the
    model says. Raises ModelError.
    """
    folder = resolve(name, progress).folder
    parts, saved = read_parts(folder, name), gaussian.read_head(folder, name)
    if head is not None and saved not in (None, head):
        raise ModelError("models.head_differs", name=name, saved=saved, wanted=head)
    transformer = _transformer(folder, name, dtype)
    tokenizer = load_text_tokenizer(folder, name, parts.lower)
    stated = parts.max_length or tokenizer.model_max_length
    parts.max_length = _length(transformer.config, stated, max_length, name)
    encoder = Encoder(name, transformer, tokenizer, parts)
    if saved is not None:
        part = gaussian.read_variance(folder, name, saved, encoder.hidden)
        encoder.put_variance(saved, part)
    elif head is not None:
        encoder.put_head(head)
    return encoder.to(device, getattr(torch, dtype)).eval()


def _transformer(folder: Path, name: str, dtype: str) -> Any:
    from transformers import AutoConfig, AutoModel, AutoModelForTextEncoding

    config = AutoConfig.from_pretrained(str(folder), trust_remote_code=False)
    loader = AutoModelForTextEncoding if config.is_encoder_decoder else AutoModel
    model, missing = from_files(loader, folder, name, dtype=getattr(torch, dtype))
    refuse_missing(name, [key for key in missing if not key.startswith("pooler.")])
    pooler = getattr(model, "pooler", None)  # makes nothing that is used here
    if pooler is not None and any(key.startswith("pooler.") for key in missing):
        model.pooler = None
    elif isinstance(pooler, nn.Module):
        pooler.requires_grad_(False)
    return model


def _length(config: Any, stated: int, wanted: int | None, name: str) -> int:
    most = getattr(config, "max_position_embeddings", None) or UNLIMITED
    most = min(most, UNLIMITED) if most > 0 else UNLIMITED
    if wanted is not None and wanted > most:
        raise ModelError("models.encoder_long", name=name, most=most, wanted=wanted)
    return wanted or min(int(stated), most)
