"""One update of an encoder by several workers: each encodes its texts, the loss goes over all.

Every worker gives the views of its texts to the others, and each computes the whole loss. Its
gradient with respect to all views is thereby known everywhere, and each worker takes its own part
back through its texts (as GradCache does for chunks: Gao et al., arXiv 2101.06983). The sum over
the workers is the gradient of one process.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from huohou.models.encoder import Encoder, Vectors, Views
from huohou.recipes.embedding.chance import draw_seed
from huohou.recipes.embedding.gradient import Cut, Learner, joined
from huohou.recipes.embedding.passes import Text, chunks
from huohou.recipes.embedding.rows import Update
from huohou.recipes.memory import is_out
from huohou.recipes.sharding import in_step, is_split
from huohou.recipes.team import Team, here, share

Chunk = tuple[int, list[int]]  # its number, and the places of its texts


class OthersLackMemoryError(MemoryError):
    """Another worker has not enough memory: all begin the update anew."""


@contextmanager
def all_fit(team: Team, encoder: Encoder) -> Iterator[None]:
    """What is done here has memory enough on every worker, or none goes on.

    Raises what was lacking, OthersLackMemoryError on those that lacked nothing. Where the encoder
    is split nobody is asked: the others wait for this one's part of the weights.
    """
    if is_split(encoder.transformer):
        yield
        return
    lacked: BaseException | None = None
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out(error):
            raise
        lacked = error
    if team.any(lacked is not None):
        raise lacked or OthersLackMemoryError()


@dataclass(slots=True)
class Shared:
    """The texts of an update, encoded by all workers. views: of all texts, leaves that collect a
    gradient; own: this worker's chunks (places) with their numbers; parts: their views, from which
    a gradient goes back unless they are computed again. Where the encoder is split spare chunks
    follow, whose views count for nothing."""

    learner: Learner
    update: Update
    cut: Cut
    seed: int
    own: list[tuple[Chunk, bool]]
    parts: list[Views]
    views: Views

    def back(self) -> Iterator[Tensor]:
        """For each own chunk a scalar whose gradient is the chunk's part of the loss's."""
        for ((k, chunk), counts), part in zip(self.own, self.parts, strict=True):
            found = part
            if self.cut.recompute:
                texts = [self.update.texts[i] for i in chunk]
                found = self.learner.chunk(texts, self.cut, self.seed + k)
            total = _through(found, self.views, chunk)
            yield total if counts else 0 * total


def encode(learner: Learner, update: Update, cut: Cut, team: Team) -> Shared:
    """Encode this worker's texts of an update, and get the views of all.

    Raises OthersLackMemoryError where another worker could not encode its texts.
    """
    seed = draw_seed()
    dealt = deal(update.texts, cut, team.size)
    own = list(_in_step(learner, update, dealt[team.rank], team))
    with all_fit(team, learner.encoder), torch.set_grad_enabled(not cut.recompute):
        parts = [
            learner.chunk([update.texts[i] for i in chunk], cut, seed + k) for (k, chunk), _ in own
        ]
    counted = [part for part, (_, counts) in zip(parts, own, strict=True) if counts]
    views = _gathered(learner.encoder, counted, dealt)
    return Shared(learner, update, cut, seed, own, parts, views)


def _in_step(
    learner: Learner, update: Update, own: Sequence[Chunk], team: Team
) -> Iterator[tuple[Chunk, bool]]:
    """A worker's chunks, and where the encoder is split as many of a short text as it takes."""
    if not is_split(learner.encoder.transformer):
        return iter([(chunk, True) for chunk in own])
    shortest = min(range(len(update.texts)), key=lambda i: len(update.texts[i]))
    return in_step(team, own, lambda: (0, [shortest]))


def deal(texts: Sequence[Text], cut: Cut, workers: int) -> list[list[Chunk]]:
    """Chunks of texts (places) with their numbers, by worker; as many chunks for each."""
    lengths = [len(text) for text in texts]
    total = sum(lengths)
    each = max(1, math.ceil(total / cut.max_tokens / workers))
    most = max(1, min(cut.max_tokens, math.ceil(total / (workers * each))))
    found = chunks(lengths, most, padded=not cut.line)
    costs = [sum(lengths[i] for i in chunk) for chunk in found]
    return [[(k, found[k]) for k in own] for own in share(costs, workers)]


def _through(found: Views, leaves: Views, chunk: Sequence[int]) -> Tensor:
    """A scalar with the gradient that the loss has with respect to a chunk's views."""
    places = torch.tensor(chunk).to(found.mu.device)
    total = torch.zeros((), device=found.mu.device)
    for part, leaf in zip(found, leaves, strict=True):
        if part is not None and leaf is not None and leaf.grad is not None:
            total = total + (part * leaf.grad[places]).sum()
    return total


def _gathered(encoder: Encoder, parts: Sequence[Views], dealt: Sequence[Sequence[Chunk]]) -> Views:
    """The views of all texts in their order, as leaves that collect a gradient."""
    counts = [sum(len(chunk) for _, chunk in own) for own in dealt]
    places = [i for own in dealt for _, chunk in own for i in chunk]
    wide = 0 if encoder.variance is None else encoder.variance.linear.out_features
    room = torch.zeros(max(counts), encoder.dim + wide, device=encoder.device)
    if parts:
        mine = joined(parts)
        columns = [mine.mu] if mine.logvar is None else [mine.mu, mine.logvar]
        room[: len(mine.mu)] = torch.cat(columns, 1).detach().float()
    boxes = here().gathered(room)
    whole = torch.cat([box[:count] for box, count in zip(boxes, counts, strict=True)])
    whole = whole[torch.tensor(places).argsort().to(whole.device)]
    mu, logvar = whole.split([encoder.dim, wide], 1)
    return Views(mu.clone().requires_grad_(), logvar.clone().requires_grad_() if wide else None)


def encoded(encoder: Encoder, texts: Sequence[str], prompt: str) -> Vectors:
    """As ``Encoder.encode_views``; in a team each worker does a part of the texts, or all of them
    where the encoder is split, so that the workers stay in step."""
    team = here()
    if team.size == 1 or is_split(encoder.transformer):
        return encoder.encode_views(texts, prompt=prompt)
    parts = team.all(encoder.encode_views(texts[team.rank :: team.size], prompt=prompt))
    logvars = [one.logvar for one in parts]
    mu = _dealt_back([one.mu for one in parts], len(texts))
    return Vectors(mu, None if logvars[0] is None else _dealt_back(logvars, len(texts)))


def _dealt_back(parts: Sequence[Any], count: int) -> Any:
    """Rows that were dealt in turn, in their order again."""
    whole = np.empty((count, parts[0].shape[1]), parts[0].dtype)
    for rank, part in enumerate(parts):
        whole[rank :: len(parts)] = part
    return whole
