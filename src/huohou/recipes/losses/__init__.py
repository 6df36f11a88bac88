"""Losses of embeddings by name. Each is one file whose first lines are its data sheet.

A loss takes the views of Q queries and of D passages (each distinct text once) and says which
belong together. ``losses.get(name)(**options)`` makes one; its parameters, where it has any, are to
be trained beside the encoder's. ``python -m huohou.recipes.losses.sheet`` prints the data sheets.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from huohou.registry import Registry

if TYPE_CHECKING:
    from huohou.recipes.losses.base import Loss

losses: Registry["Callable[..., Loss]"] = Registry("losses")


# Filed by thin functions: the names are known without importing torch.
@losses.register("info-nce")
def _info_nce(**options: Any) -> "Loss":
    from huohou.recipes.losses.info_nce import InfoNCE

    return InfoNCE(**options)


@losses.register("sigmoid")
def _sigmoid(**options: Any) -> "Loss":
    from huohou.recipes.losses.sigmoid import Sigmoid

    return Sigmoid(**options)


@losses.register("csd")
def _csd(**options: Any) -> "Loss":
    from huohou.recipes.losses.csd import SoftContrast

    return SoftContrast(**options)


@losses.register("pairwise-margin")
def _pairwise_margin(**options: Any) -> "Loss":
    from huohou.recipes.losses.pairwise_margin import PairwiseMargin

    return PairwiseMargin(**options)


@losses.register("listwise")
def _listwise(**options: Any) -> "Loss":
    from huohou.recipes.losses.listwise import Listwise

    return Listwise(**options)
