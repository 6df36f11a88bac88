"""Fine-tune small models on your own data, locally and offline, and be told the truth.

``start`` and ``HuohouCallback`` record a training that huohou did not start. Nothing is imported
before it is asked for: ``import huohou`` needs no torch and takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from huohou.jobs.callback import HuohouCallback as HuohouCallback
    from huohou.jobs.script import start as start

__all__ = ["HuohouCallback", "start"]

_PLACES = {"HuohouCallback": "huohou.jobs.callback", "start": "huohou.jobs.script"}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
