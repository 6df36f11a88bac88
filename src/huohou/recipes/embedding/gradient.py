"""The gradient of one update: one loss over all its texts, however they are encoded.

With recompute (GradCache: Gao et al., arXiv 2101.06983) only the views of all texts are held at
once: they are first computed without a gradient, then chunk by chunk again with the loss's
gradient of their views. Dropout masks come from the chunk's own seed, so both times are the same.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from huohou.models.encoder import Encoder, Views
from huohou.recipes.embedding.chance import Chance, draw_seed
from huohou.recipes.embedding.passes import Text, chunks, views_of
from huohou.recipes.embedding.rows import Update
from huohou.recipes.losses.base import Loss


@dataclass(frozen=True, slots=True)
class Cut:
    """How an update is computed: tokens at once, in a line or padded, all held or recomputed."""

    max_tokens: int
    line: bool = True
    recompute: bool = False

    def smaller(self, longest: int) -> "Cut | None":
        """The next step where the memory does not suffice; longest: tokens of the longest text."""
        if not self.recompute:
            return replace(self, recompute=True)
        if self.max_tokens > longest:
            return replace(self, max_tokens=max(self.max_tokens // 2, longest))
        return None


class Learner(nn.Module):
    """What is trained: an encoder, and the loss where it has parameters."""

    def __init__(self, encoder: Encoder, loss: Loss, chance: Chance) -> None:
        super().__init__()
        self.encoder, self.loss, self.chance = encoder, loss, chance

    def forward(self, update: Update, cut: Cut) -> tuple[Tensor, Views]:
        """The loss of an update, and the views of its texts."""
        found = self.encode(update.texts, cut, draw_seed())
        return self.judge(update, found), found

    def judge(self, update: Update, found: Views) -> Tensor:
        """The loss of an update whose texts have these views; in single precision at least."""
        device = found.mu.device
        query, docs = (take(found, places.to(device)) for places in (update.query, update.docs))
        with torch.autocast(device.type, enabled=False):
            loss: Tensor = self.loss(
                query, docs, update.target.to(device), ignore=update.ignore.to(device)
            )
        return loss

    def encode(self, texts: Sequence[Text], cut: Cut, seed: int) -> Views:
        """Views of texts in their order."""
        order, parts = [], []
        for k, chunk in enumerate(self.chunks(texts, cut)):
            order += chunk
            parts.append(self.chunk([texts[i] for i in chunk], cut, seed + k))
        return take(joined(parts), torch.tensor(order).argsort().to(parts[0].mu.device))

    def chunks(self, texts: Sequence[Text], cut: Cut) -> list[list[int]]:
        """Places of the texts that go together."""
        return chunks([len(text) for text in texts], cut.max_tokens, padded=not cut.line)

    def chunk(self, texts: Sequence[Text], cut: Cut, seed: int) -> Views:
        """Views of texts that go through the encoder at once; seed: of dropout."""
        with self._seeded(seed):
            return views_of(self.encoder, texts, self.chance, line=cut.line)

    @contextmanager
    def _seeded(self, seed: int) -> Iterator[None]:
        """Randomness from a seed, where there is any; torch's own goes on where it stood."""
        if not self.training:
            yield
            return
        device = self.encoder.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            self.chance.restart(seed)
            yield

    def cached(self, update: Update, cut: Cut) -> Iterator[tuple[Tensor, Views]]:
        """The loss and its views first, without a gradient of the encoder; then, for each chunk, a
        scalar whose gradient is the chunk's part."""
        seed = draw_seed()
        with torch.no_grad():
            whole = self.encode(update.texts, cut, seed)
        logvar = whole.logvar.requires_grad_() if whole.logvar is not None else None
        leaves = Views(whole.mu.requires_grad_(), logvar)
        yield self.judge(update, leaves), whole
        for k, chunk in enumerate(self.chunks(update.texts, cut)):
            found = self.chunk([update.texts[i] for i in chunk], cut, seed + k)
            places = torch.tensor(chunk).to(found.mu.device)
            total = torch.zeros((), device=found.mu.device)
            for part, leaf in zip(found, leaves, strict=True):
                if part is not None and leaf is not None and leaf.grad is not None:
                    total = total + (part * leaf.grad[places]).sum()
            yield total, found


def take(views: Views, places: Tensor) -> Views:
    """Some of the views."""
    return Views(views.mu[places], None if views.logvar is None else views.logvar[places])


def joined(parts: Sequence[Views]) -> Views:
    """Views one after the other."""
    logvars = [part.logvar for part in parts if part.logvar is not None]
    return Views(torch.cat([part.mu for part in parts]), torch.cat(logvars) if logvars else None)
