"""Write the parts of the docs that are made from the program: help pages, table of settings.

python docs/make_pages.py          writes them (``make help-pages``)
python docs/make_pages.py --check  names what is out of date; exit code 1 when something is
"""

import os
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

DOCS = Path(__file__).parent
HELP = {"en": DOCS / "help.md", "zh": DOCS / "help.zh.md"}
RUN_FILES = {"en": DOCS / "run-file.md", "zh": DOCS / "run-file.zh.md"}
BEGIN, END = "<!-- settings: made by make_pages.py -->", "<!-- end of settings -->"
WIDTH = 78  # as click prints on a terminal of 80 columns or more
HEADS = {
    "en": "# Help pages\n\nWhat `huohou COMMAND --help` prints. Made by `make help-pages`; a test "
    "compares them with the program. [中文](help.zh.md)",
    "zh": "# 帮助页\n\n即 `huohou --lang zh COMMAND --help` 的输出，由 `make help-pages` 生成，"
    "并有测试与程序比对。[English](help.md)",
}
COLUMNS = {"en": "| setting | kind | default | is |", "zh": "| 设置 | 类型 | 默认值 | 含义 |"}
SIGNS = {
    "en": {"ge": "at least ", "gt": "above ", "lt": "below ", "le": "at most "},
    "zh": {"ge": "≥ ", "gt": "> ", "lt": "< ", "le": "≤ "},
}
KINDS = {
    "en": {str: "text", int: "whole number", float: "number", bool: "true or false"},
    "zh": {str: "文字", int: "整数", float: "数字", bool: "true 或 false"},
}
COMMA = {"en": ", ", "zh": "，"}


def help_page(language: str) -> str:
    """Markdown of all help pages, this process speaking the language (HUOHOU_LANG)."""
    from huohou.cli.main import cli

    return "\n\n".join([HEADS[language], *sections(cli, ["huohou"], None)]) + "\n"


def sections(command: Any, path: list[str], parent: Any) -> Iterator[str]:
    """Help of a command and of all below it."""
    import click

    context = command.context_class(command, parent, path[-1], terminal_width=WIDTH)
    context.help_option_names = ["-h", "--help"]
    shown = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    yield f"## {' '.join(path)}\n\n```text\n{shown}\n```"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            yield from sections(found, [*path, name], context)


def settings_table(language: str) -> str:
    """Markdown table of every setting of a run file: key, kind, default, meaning."""
    from huohou.config import RunSettings

    return "\n".join([COLUMNS[language], "|---|---|---|---|", *rows(RunSettings, "", language)])


def rows(model: Any, prefix: str, language: str) -> Iterator[str]:
    """Table rows of a settings class and of those inside it."""
    from huohou.text import sentences

    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        if hasattr(field.annotation, "model_fields"):
            yield from rows(field.annotation, f"{key}.", language)
        else:
            default = "" if field.default in (None, "") else f"`{plain(field.default)}`"
            told = sentences(language)[f"setting.{key}.help"]
            yield f"| `{key}` | {kind(field, language)} | {default} | {told} |"


def plain(value: Any) -> str:
    """A default as people write it in a run file."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def kind(field: Any, language: str) -> str:
    """What a setting may be, in words."""
    options = [field.annotation]
    if get_origin(field.annotation) in (Union, types.UnionType):
        options = [one for one in get_args(field.annotation) if one is not type(None)]
    limits = [
        f"{words}{getattr(bound, sign):g}"
        for bound in field.metadata
        for sign, words in SIGNS[language].items()
        if hasattr(bound, sign)
    ]
    return COMMA[language].join([*(name_of(one, language) for one in options), *limits])


def name_of(annotation: Any, language: str) -> str:
    """A type in words."""
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    return KINDS[language][annotation]


def pages() -> dict[Path, str]:
    """Every generated page as it should be."""
    found = {path: in_language(language) for language, path in HELP.items()}
    for language, path in RUN_FILES.items():
        before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        found[path] = f"{before}{BEGIN}\n\n{settings_table(language)}\n\n{END}{after}"
    return found


def in_language(language: str) -> str:
    """The help page from a process of its own: help texts are chosen when modules load."""
    command = [sys.executable, __file__, "--print", language]
    env = dict(os.environ) | {"HUOHOU_LANG": language, "PYTHONUTF8": "1"}
    return subprocess.run(
        command, env=env, capture_output=True, encoding="utf-8", check=True
    ).stdout


def main(arguments: list[str]) -> int:
    """Write or check; or print one help page in the language of this process."""
    if arguments[:1] == ["--print"]:
        sys.stdout.write(help_page(arguments[1]))
        return 0
    stale = {p: t for p, t in pages().items() if not p.exists() or p.read_text("utf-8") != t}
    for path, text in stale.items():
        if arguments != ["--check"]:
            path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.name}\n")
    return int(bool(stale) and arguments == ["--check"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
