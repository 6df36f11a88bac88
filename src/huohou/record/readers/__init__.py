"""Logs of any trainer to a Record: one file a format.

A reader is a module in this folder that registers a ``Reader``: how it is recognised from the
content, how it is read, and which files it looks for in a folder. Nothing else is to be changed
for a new format. A reader raises DataError and nothing else, whatever the bytes are.

Series have the names Hugging Face logs use (``loss``, ``eval_loss``, ``learning_rate``,
``grad_norm``). Facts that several readers give have these names:

- of the run: ``max_steps``, ``num_train_epochs``, ``global_step``, ``finished``, ``best_step``,
  ``best_metric``, ``checkpoints`` (steps on disk), ``summary`` (figures of the whole run),
  ``after_training`` (evaluation after the last update), ``crash`` (words of the error that ended
  it), ``ended_line``, ``interrupted`` (True where a person or a scheduler ended it: ``crash`` has
  the words then too), ``resumed_from`` (step of a checkpoint), ``extended`` (True where it was
  made longer on a resume);
- of the settings: ``learning_rate``, ``lr_scheduler``, ``warmup_steps``, ``batch_size``,
  ``gradient_accumulation``, ``max_grad_norm``, ``dtype`` (fp32, fp16, bf16), ``logging_steps``,
  ``eval_steps``, ``eval_strategy``, ``save_steps``, ``lora_rank``, ``lora_alpha``,
  ``lora_dropout``, ``warmup_ratio``, ``weight_decay``, ``seed``, ``finetuning_type``,
  ``cutoff_len``, ``val_size``, ``train_on_prompt``, ``resume_from_checkpoint``,
  ``overwrite_output_dir``, ``nan_inf_filter``, ``trained_dtype`` (of the weights that are trained),
  ``total_batch_size`` (rows of an update), ``trainable_parameters``, ``parameters``;
- of data and model: ``rows``, ``eval_rows``, ``vocab_size``, ``model``, ``model_dtype``,
  ``versions``, ``predictions`` and ``eval_data`` (files of answers and of rows split off);
- of a ranking or contrastive loss: ``loss_kind`` (cross-entropy, in-batch, listwise, margin,
  logistic, preference, reward), ``candidates`` (k a question is ranked among, or N of a batch's
  contrast), ``margin``, ``scale`` (what similarities are multiplied with), ``negatives`` (a
  positive), ``eval_positives_only`` (True where said), ``eval_candidates`` (documents a question
  of the evaluation is ranked among), ``eval_batch_size``, ``pairs`` ("all" where a ranking loss is
  over all ordered pairs of a list);
- of what a report tells: ``restart`` (``at`` which loss it begins each time, what was ``reached``
  before), ``hard_cases`` (``count`` ``of`` the evaluated rows, ``trained`` on), ``test_rows``.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from huohou.errors import DataError
from huohou.record.readers._source import Source, file_and_run, newest_rows
from huohou.record.record import Record
from huohou.registry import Registry

if TYPE_CHECKING:
    from huohou.record.readers._folder import Asked


@dataclass(frozen=True, slots=True)
class Reader:
    """One format.

    recognises: whether a file is of this format, from its content; read: the file as a Record;
    files: patterns looked for in a folder; rank: the lowest is asked first, formats that accept
    much come last; folder: for a format whose run is several files, the run in a folder, None
    where there is none. Its files are then not read one by one; beside: whether it reads what lies
    beside a log, such as results, and belongs to the run of that log.
    """

    recognises: Callable[[Source], bool]
    read: Callable[[Source], Record]
    files: tuple[str, ...] = ()
    rank: int = 50
    folder: Callable[[Path], Record | None] | None = None
    beside: bool = False


readers: Registry[Reader] = Registry("readers")


def read(path: Path | str, reader: str | None = None) -> Record:
    """The log at path, a file or a folder of one run, as a Record.

    reader: its format by name; found from the content when not given.
    Raises DataError with the reason when nothing can be read from it, UsageError for a reader
    that is not known.
    """
    place = Path(path)
    names()  # so that the built-in readers are there
    chosen = readers.get(reader) if reader else None
    if not place.is_dir():
        return _read_file(place, chosen)
    from huohou.record.readers import _folder

    return _folder.read_folder(place, _asked(chosen), ", ".join(patterns()))


def candidates(path: Path | str, reader: str | None = None) -> list[Path]:
    """The files that ``read`` would open: the file itself, or what readers look for in a folder;
    with each database the file beside it that its newest rows are in."""
    place, _ = file_and_run(Path(path))
    names()
    chosen = readers.get(reader) if reader else None
    if not place.is_dir():
        return [place, *newest_rows(place)]
    from huohou.record.readers import _folder

    found = _folder.files(place, _asked(chosen))
    return [*found, *(log for path in found for log in newest_rows(path))]


def _asked(chosen: Reader | None) -> "Asked":
    from huohou.record.readers._folder import Asked

    return Asked([chosen], one=True) if chosen else Asked(list(_ranked().values()))


def _read_file(path: Path, chosen: Reader | None) -> Record:
    source = Source.open(path)
    if chosen is not None:
        return chosen.read(source)
    for candidate in _ranked().values():
        if candidate.recognises(source):
            source.forget()
            return candidate.read(source)
    raise DataError("reader.unknown", path=path, known=", ".join(_ranked()))


@cache
def _ranked() -> dict[str, Reader]:
    """All readers in the order they are asked."""
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            importlib.import_module(f"{__name__}.{module.name}")
    return dict(sorted(readers, key=lambda pair: (pair[1].rank, pair[0])))


def patterns() -> list[str]:
    """Names of files that readers look for in a folder, sorted."""
    return sorted({pattern for reader in _ranked().values() for pattern in reader.files})


def names() -> list[str]:
    """Names of all readers in the order they are asked."""
    return list(_ranked())
