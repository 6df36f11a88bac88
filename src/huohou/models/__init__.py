"""Names to models: a folder, a hub id, a bundled default; device and number format with reasons.

Heavy libraries are imported inside the functions: ``import huohou.models`` needs no torch.
"""

from huohou.models.adapter import with_lora
from huohou.models.bundled import BUNDLED, bundled_ready
from huohou.models.cache import cache_folder
from huohou.models.device import (
    Chosen,
    choose_device,
    choose_dtype,
    devices,
    survey,
)
from huohou.models.loading import load_hollow, load_model
from huohou.models.names import ModelSource, resolve
from huohou.models.shape import load_shape
from huohou.models.tokenizer import ChatTokenizer, load_tokenizer
from huohou.models.trial import measure_step
from huohou.models.weights import base_weights

__all__ = [
    "BUNDLED",
    "ChatTokenizer",
    "Chosen",
    "ModelSource",
    "base_weights",
    "bundled_ready",
    "cache_folder",
    "choose_device",
    "choose_dtype",
    "devices",
    "load_hollow",
    "load_model",
    "load_shape",
    "load_tokenizer",
    "measure_step",
    "resolve",
    "survey",
    "with_lora",
]
