"""Is the fast pass the plain one? Asked of the first rows of each process life."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from huohou.models.encoder import Views
from huohou.recipes.embedding.gradient import Cut, Learner
from huohou.recipes.embedding.rows import Row, update_of
from huohou.recipes.forward import Agreement, apart, worst
from huohou.recipes.sharding import gradients, is_split
from huohou.recipes.team import here


def compare(learner: Learner, rows: Sequence[Row], cut: Cut) -> Agreement:
    """Loss and gradients of some rows, once as trained and once the plain way, without dropout.

    The plain way: queries in one padded batch, passages in another, each as often as it is named.
    """
    update = update_of(rows)
    with _at_rest(learner):
        found = learner.encode(update.texts, cut, 0)
        torch.manual_seed(0)  # a loss may draw negatives
        fast = _gradients(learner, learner.judge(update, found))
        torch.manual_seed(0)
        plain = _gradients(learner, plain_loss(learner, rows))
    own = here().all(apart(fast, plain))  # of its part, where the encoder is split
    return Agreement(worst(one.loss for one in own), worst(one.gradient for one in own))


def plain_loss(learner: Learner, rows: Sequence[Row]) -> Tensor:
    """The loss of some rows by two padded passes, nothing shared."""
    update, encoder = update_of(rows), learner.encoder
    queries: Views = encoder(*encoder.pad([row.query for row in rows]))
    docs: Views = encoder(*encoder.pad([update.texts[i] for i in update.docs.tolist()]))
    device = queries.mu.device
    loss: Tensor = learner.loss(
        queries, docs, update.target.to(device), ignore=update.ignore.to(device)
    )
    return loss


@contextmanager
def _at_rest(learner: Learner) -> Iterator[None]:
    """Without dropout; torch's random state goes on where it stood."""
    training = learner.training
    learner.eval()
    try:
        with torch.random.fork_rng([]):
            yield
    finally:
        learner.train(training)


def _gradients(learner: Learner, loss: Tensor) -> tuple[float, list[Tensor]]:
    if is_split(learner.encoder.transformer):
        return float(loss.detach()), gradients(learner, loss)
    trained = [p for p in learner.parameters() if p.requires_grad]
    found = torch.autograd.grad(loss, trained, allow_unused=True)
    empty = torch.zeros((), device=loss.device)
    return float(loss.detach()), [g if g is not None else empty for g in found]
