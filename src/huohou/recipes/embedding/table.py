"""Train only the rows of the word table that occur.

A row without a gradient stays as it is: Adam's moments of it are 0. So an optimizer that holds only
the rows of words in the training texts does the same with less work; half of a small encoder is its
word table. With weight decay every row changes, and the table is left whole.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from huohou.models.encoder import Encoder, load_encoder
from huohou.models.loading import refuse_missing
from huohou.recipes.sharding import is_split, let_go, put, put_together


class UsedRows(nn.Module):
    """A word table whose used rows are a parameter of their own."""

    def __init__(self, table: nn.Embedding, used: Iterable[int]) -> None:
        super().__init__()
        padding = table.padding_idx
        words = sorted({*used} | ({padding} if padding is not None else set()))
        self._table = [table]  # in a list: none of this module's own parameters
        self.register_buffer("words", torch.tensor(words), persistent=False)
        place = torch.full((table.num_embeddings,), -1)
        place[torch.tensor(words)] = torch.arange(len(words))
        self.register_buffer("place", place, persistent=False)
        self.padding = None if padding is None else int(place[padding])
        self.rows = nn.Parameter(table.weight.detach().cpu()[words].to(table.weight.device))
        self.to(table.weight.device)

    def forward(self, ids: Tensor) -> Tensor:
        """ids [..] -> [.., width]; words that are not trained come from the table."""
        places = self.get_buffer("place")[ids]
        if not torch.is_grad_enabled() and bool((places < 0).any()):
            whole: Tensor = self.table()(ids)
            return whole
        return functional.embedding(places, self.rows, self.padding)

    def table(self) -> nn.Embedding:
        """The whole table with the rows as they are now."""
        table = self._table[0]
        with torch.no_grad():
            table.weight[self.get_buffer("words")] = self.rows
        return table

    def fill(self, whole: Tensor) -> None:
        """Take the words that are not trained from a whole table."""
        with torch.no_grad():
            self._table[0].weight.copy_(whole)

    def with_rows(self, used: Tensor) -> Tensor:
        """The whole table [words, width] with these rows for the trained ones, on the CPU."""
        found: Tensor = self._table[0].weight.detach().cpu().clone()
        found[self.get_buffer("words").cpu()] = used
        return found


def trim(encoder: Encoder, used: Iterable[int]) -> None:
    """Let only these rows of an encoder's word table be trained."""
    table = encoder.transformer.get_input_embeddings()
    if type(table) is nn.Embedding:
        encoder.transformer.set_input_embeddings(UsedRows(table, {*used, encoder.padding_id}))


@contextmanager
def whole(encoder: Encoder) -> Iterator[None]:
    """The encoder with its whole word table, to be saved or read into."""
    trimmed = encoder.transformer.get_input_embeddings()
    if not isinstance(trimmed, UsedRows):
        yield
        return
    table = trimmed.table()
    encoder.transformer.set_input_embeddings(table)
    try:
        yield
    finally:
        with torch.no_grad():
            trimmed.rows.copy_(table.weight[trimmed.get_buffer("words")])
        encoder.transformer.set_input_embeddings(trimmed)


def load_encoder_weights(encoder: Encoder, folder: Path) -> None:
    """The weights of a saved encoder into one of the same shape, trimmed or not, split or not."""
    saved = load_encoder(str(folder)).state_dict()
    if not is_split(encoder.transformer):
        with whole(encoder):
            encoder.load_state_dict(saved)
        return
    let_go(encoder)
    table = encoder.transformer.get_input_embeddings()
    for name, value in encoder.named_parameters():
        if isinstance(table, UsedRows) and value is table.rows:
            read = saved[name.removesuffix("rows") + "weight"]
            table.fill(read)
            put(value, read[table.get_buffer("words").cpu()])
        else:
            put(value, saved[name])


def save_encoder(encoder: Encoder) -> Callable[[Path], None]:
    """What writes an encoder as it is into a folder. Where it is split all workers have to ask for
    it, and the first one writes: from an encoder of its own, filled with the weights of all."""
    if not is_split(encoder.transformer):
        return lambda folder: _save(encoder, folder)
    let_go(encoder)
    weights = put_together(encoder.named_parameters())
    return lambda folder: _save(_filled(encoder, weights), folder)


def _save(encoder: Encoder, folder: Path) -> None:
    with whole(encoder):
        encoder.save(folder)


def _filled(split: Encoder, weights: dict[str, Tensor]) -> Encoder:
    """An encoder in this machine's memory with gathered weights."""
    made = load_encoder(split.name, head=split.head, max_length=split.max_length)
    table = split.transformer.get_input_embeddings()
    if isinstance(table, UsedRows):
        (rows,) = [name for name, value in split.named_parameters() if value is table.rows]
        used = weights.pop(rows)
        name = rows.removesuffix("rows") + "weight"
        weights[name] = table.with_rows(used)
    missing = made.load_state_dict(weights, strict=False).missing_keys
    refuse_missing(split.name, {*missing} & {name for name, _ in made.named_parameters()})
    return made
