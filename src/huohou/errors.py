"""Everything huohou raises on purpose.

HuohouError                 catch this to catch all of them
├── UsageError              the call is wrong: an option, a name, a choice that is missing
│   └── ConfigError         a run file or a setting is wrong
├── DataError               a file of the user's cannot be used; carries path and line
├── ModelError              a model cannot be found, fetched or loaded
├── StoreError              the workspace or its database cannot be used
├── MissingExtraError       a part of huohou is not installed
├── RunFailedError          a run ended badly (exit code 1)
└── CannotJudgeError        the evidence does not suffice (exit code 3)

An error carries a text key and its fields, so that a person reads it in their own language:
each sentence says what is wrong, where, and what to do next.
"""

from typing import ClassVar

from huohou.text import say


class HuohouError(Exception):
    """Base of all errors of huohou.

    key: the sentence in ``locale/*.json``; fields: what is put into it.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, key: str, /, **fields: object) -> None:
        super().__init__(key, fields)
        self.key = key
        self.fields = fields

    def __str__(self) -> str:
        return say(self.key, **self.fields)


class UsageError(HuohouError):
    """The call is wrong: an option, a name, a choice that is missing."""


class ConfigError(UsageError):
    """A run file or a setting is wrong."""


class DataError(HuohouError):
    """A file of the user's cannot be used."""


class ModelError(HuohouError):
    """A model cannot be found, fetched or loaded."""


class StoreError(HuohouError):
    """The workspace or its database cannot be used."""


class MissingExtraError(HuohouError):
    """A part of huohou is not installed: fields ``extra`` and ``what``."""


class RunFailedError(HuohouError):
    """A run ended badly."""

    exit_code = 1


class CannotJudgeError(HuohouError):
    """The evidence does not suffice for a judgement."""

    exit_code = 3


def first_line(error: BaseException) -> str:
    """The first line of what a library says, which is the one that says what is wrong; at most
    300 characters of it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
