"""Files that come with huohou: the examples, and what ``huohou init`` starts from."""

from pathlib import Path

from huohou.errors import UsageError

PACKAGE = Path(__file__).parent


def examples_folder() -> Path:
    """The folder of the examples: in the package when it is installed, beside it in a checkout.

    Raises UsageError when huohou was installed without them.
    """
    for folder in (PACKAGE / "examples", PACKAGE.parents[1] / "examples"):
        if folder.is_dir():
            return folder
    raise UsageError("assets.no_examples")


def example(name: str) -> Path:
    """A file of the examples, for example ``bank_codes/branches.csv``. Raises UsageError."""
    path = examples_folder() / name
    if not path.is_file():
        raise UsageError("assets.no_example", name=name)
    return path


def templates_folder() -> Path:
    """The folder with one folder for each template of ``huohou init``."""
    return PACKAGE / "templates"
