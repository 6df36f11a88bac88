"""The encoder itself: token ids to views, texts to vectors, weights to a fingerprint."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from huohou.errors import ModelError
from huohou.models import gaussian
from huohou.models.encoder_files import Parts, write_parts
from huohou.models.encoder_text import (
    UNLIMITED,
    Span,
    Spans,
    Tokens,
    chunks,
    pad,
    places_of,
    spans_of,
)
from huohou.models.gaussian import Head
from huohou.models.pooling import Dense, Normalize, full, pool

MAX_TOKENS = 4096  # padded tokens of a chunk in ``encode``: more is not quicker on a CPU


class Views(NamedTuple):
    """mu [B, d] of length 1; logvar [B, d], [B, 1] (one for all dimensions) or None."""

    mu: Tensor
    logvar: Tensor | None


class Vectors(NamedTuple):
    """Views as arrays in float32."""

    mu: NDArray[np.float32]
    logvar: NDArray[np.float32] | None


class Encoder(nn.Module):
    """A transformer and what makes one vector of its token states.

    name: as the user gave it; transformer, tokenizer: those of transformers; parts: the layers
    between states and vector, prompts and max_length; head: its Gaussian head, or None.
    """

    def __init__(self, name: str, transformer: Any, tokenizer: Any, parts: Parts) -> None:
        super().__init__()
        self.name, self.tokenizer, self.parts = name, tokenizer, parts
        self.transformer = transformer
        self.before = nn.ModuleList(parts.before)
        self.after = nn.ModuleList(parts.after)
        self.head: Head | None = None
        self.variance: gaussian.LogVariance | gaussian.Concentration | None = None

    @property
    def max_length(self) -> int:
        """Tokens of a text that are read, special ones included."""
        return self.parts.max_length or UNLIMITED

    @property
    def hidden(self) -> int:
        """Width of the transformer's token states."""
        return int(self.transformer.config.hidden_size)

    @property
    def dim(self) -> int:
        """Width of mu."""
        dense = [part for part in self.after if isinstance(part, Dense)]
        if dense:
            return dense[-1].linear.out_features
        return self._pooled * len(self.parts.modes)

    @property
    def _pooled(self) -> int:
        """Width of the token states that are pooled."""
        last = self.before[-1] if len(self.before) else None
        return last.linear.out_features if isinstance(last, Dense) else self.hidden

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return next(self.parameters()).device

    @property
    def padding_id(self) -> int:
        """Id that batches are filled up with; the mask leaves it out."""
        return int(self.tokenizer.pad_token_id or 0)

    def put_head(self, head: Head) -> None:
        """A new Gaussian head on the token states, in place of the model's own pooling."""
        like = next(self.transformer.parameters())
        self.parts.before, self.parts.modes = gaussian.projection(head, self.hidden), ("mean",)
        self.parts.after = [Normalize()]
        self.before = nn.ModuleList(self.parts.before).to(like.device, like.dtype)
        self.after = nn.ModuleList(self.parts.after)
        self.put_variance(head, gaussian.variance_part(head, self.hidden))

    def put_variance(
        self, head: Head, part: gaussian.LogVariance | gaussian.Concentration | None
    ) -> None:
        """Only what gives the log-variance; the layers to mu are there already."""
        like = next(self.transformer.parameters())
        self.head = head
        self.variance = None if part is None else part.to(like.device, like.dtype)

    def fit_head(self, texts: Sequence[str], max_tokens: int = MAX_TOKENS) -> None:
        """Let the head's mu begin as the principal directions of these texts.

        The right singular vectors of the mean token states: of all linear maps to d dimensions the
        one that loses least (Eckart & Young 1936). Without it a new head begins as a random one.
        """
        if self.head is None:
            raise ValueError("the encoder has no head")
        first, second = (part for part in self.before if isinstance(part, Dense))
        total = torch.zeros(self.hidden, self.hidden, dtype=torch.float64)
        rows = self.tokenize(texts)
        with self._at_rest(), torch.inference_mode():
            for chunk in chunks([len(row) for row in rows], max_tokens):
                ids, mask = self.pad([rows[i] for i in chunk])
                states = self.transformer(input_ids=ids, attention_mask=mask).last_hidden_state
                part = functional.normalize(pool(full(states), mask, ("mean",)), dim=-1)
                total += (part.T @ part).double().cpu()
        gaussian.start_from(first, second, torch.linalg.eigh(total).eigenvectors.T.flip(0))

    def tokenize(self, texts: Sequence[str], prompt: str | None = None) -> list[list[int]]:
        """Ids of texts with special tokens, cut at max_length.

        prompt: name of the model's prompt to put before (``query``, ``document``); its default one
        when None. Models without prompts know ``query`` and ``document`` and put nothing before.
        """
        return [row.ids for row in self.tokenize_spans(texts, [()] * len(texts), prompt)]

    def tokenize_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]], prompt: str | None = None
    ) -> list[Tokens]:
        """Ids as of ``tokenize``, and which tokens each span of a text touches."""
        if not texts:
            return []
        before, wanted = self.prompt(prompt), any(spans)
        found = self.tokenizer(
            [before + text for text in texts],
            truncation=True,
            max_length=self.max_length,
            padding=False,
            return_offsets_mapping=wanted,
        )
        offsets = found["offset_mapping"] if wanted else [()] * len(texts)
        lines = zip(found["input_ids"], offsets, spans, strict=True)
        return [Tokens(ids, places_of(at, own, len(before))) for ids, at, own in lines]

    def prompt(self, name: str | None) -> str:
        """The text of a prompt. Raises ModelError when the model has others, but not this one."""
        prompts, name = self.parts.prompts, name or self.parts.default_prompt
        if name is None or (name not in prompts and name in {"query", "document"}):
            return ""
        if name not in prompts:
            known = ", ".join(prompts) or "-"
            raise ModelError("models.encoder_prompt", name=self.name, prompt=name, known=known)
        return prompts[name]

    def pad(self, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """ids and mask [B, L] of rows of ids, on the encoder's device."""
        ids, mask = pad(rows, self.padding_id)
        return ids.to(self.device), mask.to(self.device)

    def forward(self, ids: Tensor, mask: Tensor, spans: Spans | None = None) -> Views:
        """ids, mask [B, L] (1: a token, 0: padding) -> Views of B texts, or of the S spans."""
        found = self.transformer(input_ids=ids, attention_mask=mask)
        return self.views(found.last_hidden_state, mask, spans)

    def views(self, states: Tensor, mask: Tensor, spans: Spans | None = None) -> Views:
        """What ``forward`` makes of the transformer's token states [B, L, h]."""
        inner = states
        for part in self.before:
            inner = part(inner)
        if spans is not None:
            inner, states, mask = inner[spans.row], states[spans.row], spans.mask
        mu = pool(full(inner), mask, self.parts.modes).to(inner.dtype)
        for part in self.after:
            mu = part(mu)
        mu = functional.normalize(full(mu), dim=-1)
        logvar = None if self.variance is None else full(self.variance(states, mask))
        return Views(mu, logvar)

    def encode(
        self,
        texts: Sequence[str],
        *,
        prompt: str | None = None,
        max_tokens: int = MAX_TOKENS,
        spans: Sequence[Sequence[Span]] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> NDArray[np.float32]:
        """mu of texts in their order: [N, d]; see ``encode_views``."""
        return self.encode_views(
            texts, prompt=prompt, max_tokens=max_tokens, spans=spans, progress=progress
        ).mu

    def encode_views(
        self,
        texts: Sequence[str],
        *,
        prompt: str | None = None,
        max_tokens: int = MAX_TOKENS,
        spans: Sequence[Sequence[Span]] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Vectors:
        """mu and logvar of texts, or of the spans of all texts in their order; nothing is trained.

        Texts of like length go together, up to max_tokens with padding. spans: for each text its
        spans; one without a token gets NaN, and ``tokenize_spans`` tells which. progress is told
        how many texts are done, and of how many.
        """
        rows = self.tokenize_spans(texts, spans or [()] * len(texts), prompt)
        sizes = [1] * len(rows) if spans is None else [len(row.places) for row in rows]
        starts = np.cumsum([0, *sizes])
        mu: Any = np.full((int(starts[-1]), self.dim), np.nan, dtype=np.float32)
        wide = 0 if self.variance is None else self.variance.linear.out_features
        logvar: Any = np.full((len(mu), wide), np.nan, dtype=np.float32) if wide else None
        done = 0
        with self._at_rest(), torch.inference_mode():
            for chunk in chunks([len(row.ids) for row in rows], max_tokens):
                at, found = self._chunk([rows[i] for i in chunk], spans is not None)
                places = [starts[chunk[i]] + k for i, k in at]
                mu[places] = found.mu.float().cpu().numpy()
                if found.logvar is not None:
                    logvar[places] = found.logvar.float().cpu().numpy()
                done += len(chunk)
                if progress is not None:
                    progress(done, len(rows))
        return Vectors(mu, logvar)

    def _chunk(self, rows: Sequence[Tokens], by_span: bool) -> tuple[list[tuple[int, int]], Views]:
        """Which (row, span) each view is of, and the views."""
        ids, mask = self.pad([row.ids for row in rows])
        if not by_span:
            return [(i, 0) for i in range(len(rows))], self(ids, mask)
        at, spans = spans_of(rows, ids.shape[1])
        return at, self(ids, mask, Spans(*(part.to(self.device) for part in spans)))

    @contextmanager
    def _at_rest(self) -> Iterator[None]:
        training = self.training
        self.eval()
        try:
            yield
        finally:
            self.train(training)

    @property
    def fingerprint(self) -> str:
        """sha256 over all that decides a vector: weights, tokenizer, parts, prompts, max_length.

        Computed at each call, so that weights changed in memory never pass for the old ones.
        """
        whole = hashlib.sha256(json.dumps(self._nature(), sort_keys=True).encode())
        for key, value in sorted(self.state_dict().items()):
            whole.update(f"{key}:{value.dtype}:{tuple(value.shape)}\n".encode())
            plain = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            whole.update(plain.numpy().data)
        return whole.hexdigest()

    def _nature(self) -> dict[str, Any]:
        backend = json.loads(self.tokenizer.backend_tokenizer.to_str())
        for use in ("padding", "truncation"):  # left behind by whoever used it
            backend.pop(use, None)
        return {
            "tokenizer": backend,
            "transformer": self.transformer.config.model_type,
            "parts": [repr(part) for part in (self.before, self.after, self.variance)],
            "modes": self.parts.modes,
            "prompts": [self.parts.prompts, self.parts.default_prompt],
            "max_length": self.max_length,
        }

    def save(self, folder: Path) -> None:
        """Write a folder that ``SentenceTransformer(folder)`` and ``load_encoder`` load.

        Raises ModelError when there is a model in it already.
        """
        if (folder / "config.json").exists() or (folder / "modules.json").exists():
            raise ModelError("models.encoder_exists", folder=folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.transformer.save_pretrained(folder)
        self.tokenizer.model_max_length = self.max_length
        self.tokenizer.save_pretrained(folder)
        write_parts(folder, self.parts, self._pooled)
        if self.head is not None:
            gaussian.write_head(folder, self.head, self.variance)
