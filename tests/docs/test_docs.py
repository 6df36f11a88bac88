"""The documents are true: commands run, output is as shown, links lead somewhere, nothing missing."""

import doctest
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from blocks import DOCS, ROOT, Block, anchors, blocks, commands, consoles, links, missing

from huohou.text import sentences

PAIRS = [(path, path.with_suffix(".zh.md")) for path in DOCS if path.with_suffix(".zh.md").exists()]
CHINESE = [path for path in DOCS if path.name.endswith(".zh.md")]
MADE = {ROOT / "docs" / name for name in ("help.md", "help.zh.md", "benchmarks.md")}
BY_HAND = [path for path in DOCS if path not in MADE]
REASONS = ("make", "clone", "install", "hub")  # why a block may be left out
SQLITE = f"""#!{sys.executable}
import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]):
    print("|".join("" if cell is None else str(cell) for cell in row))
"""


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def twin(path: Path) -> Path | None:
    """The English document that has the same slow commands."""
    english = path.with_name(path.name.replace(".zh.md", ".md"))
    return english if path in CHINESE and texts(path) == texts(english) else None


def texts(path: Path) -> list[str]:
    return [one.text for block in consoles(path) for one in commands(block)]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder as a clone of the repository looks to the commands of a document."""
    folder = tmp_path / "clone"
    shutil.copytree(ROOT / "examples", folder / "examples")
    shutil.copytree(ROOT / "docs" / "samples", folder / "docs" / "samples")
    return folder


def surroundings(tmp_path: Path, language: str) -> dict[str, str]:
    """The environment of a reader: huohou on the path, no settings but the language."""
    own = ("HUOHOU_", "HF_", "MODELSCOPE_", "OMP_NUM_THREADS", "NO_COLOR", "PYTEST")
    kept = ("HUOHOU_CACHE", "HF_HOME")
    env = {k: v for k, v in os.environ.items() if k in kept or not k.startswith(own)}
    tools = tmp_path / "tools"
    tools.mkdir()
    if shutil.which("sqlite3") is None:  # the same answer by Python's own SQLite
        (tools / "sqlite3").write_text(SQLITE, encoding="utf-8")
        (tools / "sqlite3").chmod(0o755)
    path = [str(Path(sys.executable).parent), str(tools), os.environ["PATH"]]
    config = str(tmp_path / "config")
    return env | {
        "PATH": os.pathsep.join(path),
        "HUOHOU_LANG": language,
        "XDG_CONFIG_HOME": config,
        # threads that wait for each other in a loop stand still on a machine that is busy
        "OMP_WAIT_POLICY": "PASSIVE",
    }


class Shell:
    """Runs commands one after the other in a folder that `cd` changes."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder, self.env = folder, env
        self.note = folder.parent / "where"

    def run(self, command: str) -> tuple[int, str]:
        script = f'{command}\ncode=$?\npwd > "{self.note}"\nexit $code'
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",  # of a text that a command cuts at a byte
            timeout=1200,
            check=False,
        )
        if self.note.exists():
            self.folder = Path(self.note.read_text(encoding="utf-8").strip())
        return done.returncode, done.stdout


def follow(path: Path, place: Path, tmp_path: Path, *, slow: bool) -> None:
    """Do what a document says, from its first block to its last."""
    shell = Shell(place, surroundings(tmp_path, "zh" if path in CHINESE else "en"))
    for block in blocks(path):
        if block.comment.startswith("file:"):
            target = shell.folder / block.comment.removeprefix("file:").strip()
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        elif block.kind == "console" and block.run and (slow or not block.slow):
            obey(block, shell, path)


def obey(block: Block, shell: Shell, path: Path) -> None:
    for one in commands(block):
        code, output = shell.run(one.text)
        where = f"{name(path)}:{one.line}: $ {one.text}\n{output}"
        assert code == one.code, f"exit code {code}, stated {one.code}: {where}"
        absent = missing(one.output, output)
        assert absent is None, f"{absent!r} is not in the output of {where}"


def has(path: Path, *, slow: bool) -> bool:
    return any(block.run and block.slow == slow for block in consoles(path))


@pytest.mark.parametrize("path", [p for p in DOCS if has(p, slow=False)], ids=name)
def test_commands(path: Path, place: Path, tmp_path: Path) -> None:
    follow(path, place, tmp_path, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [p for p in DOCS if has(p, slow=True) and twin(p) is None], ids=name
)
def test_commands_that_take_long(path: Path, place: Path, tmp_path: Path) -> None:
    follow(path, place, tmp_path, slow=True)


@pytest.mark.parametrize("path", DOCS, ids=name)
def test_blocks_are_left_out_for_a_reason(path: Path) -> None:
    for block in consoles(path):
        if not block.run:
            assert any(word in block.comment for word in REASONS), block.comment
        else:
            assert block.comment in ("", "slow"), f"line {block.line}: {block.comment}"


@pytest.mark.parametrize("path", DOCS, ids=name)
def test_errors_that_are_not_provoked_are_sentences_of_the_program(path: Path) -> None:
    language = "zh" if path in CHINESE else "en"
    before = {"en": "Error: ", "zh": "错误："}[language]
    shown = [one for block in consoles(path) if not block.run for one in block.text.splitlines()]
    for line in (one.removeprefix(before) for one in shown if one.startswith(before)):
        assert any(one.fullmatch(line) for one in said(language)), f"nothing says {line!r}"


@cache
def said(language: str) -> list[re.Pattern[str]]:
    """What the sentences of the program look like; those that are little but slots look like all."""
    told = [one for one in sentences(language).values() if len(re.sub(r"{\w+}", "", one)) > 20]
    return [re.compile(re.sub(r"\\{\w+\\}", ".+", re.escape(one))) for one in told]


@pytest.mark.parametrize("path", DOCS, ids=name)
def test_links_lead_somewhere(path: Path) -> None:
    for link in links(path):
        target, _, heading = link.partition("#")
        found = (path.parent / target).resolve() if target else path
        assert found.exists(), f"{name(path)} links to {link}"
        assert found.is_relative_to(ROOT), f"{name(path)} links out of the repository: {link}"
        if heading and found.suffix == ".md":
            assert heading in anchors(found), f"{name(path)} links to {link}: no such heading"


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: name(pair[0]))
def test_both_languages_have_the_same_commands(pair: tuple[Path, Path]) -> None:
    english, chinese = pair
    assert texts(english) == texts(chinese)
    assert [b.comment for b in consoles(english)] == [b.comment for b in consoles(chinese)]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: name(pair[0]))
def test_both_languages_have_the_same_parts(pair: tuple[Path, Path]) -> None:
    def levels(path: Path) -> list[str]:
        text = re.sub(r"^ *```.*?^ *```", "", path.read_text("utf-8"), flags=re.M | re.S)
        return re.findall(r"^(#+) ", text, re.M)

    english, chinese = pair
    assert levels(english) == levels(chinese)


def python_blocks(path: Path) -> list[Block]:
    return [block for block in blocks(path) if block.kind in ("python", "pycon")]


@pytest.mark.parametrize("path", [p for p in DOCS if python_blocks(p)], ids=name)
def test_arithmetic(path: Path) -> None:
    shared: dict[str, object] = {}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for block in python_blocks(path):
        where = f"{name(path)}:{block.line}"
        test = doctest.DocTestParser().get_doctest(block.text, shared, where, name(path), 0)
        test.globs = shared
        report: list[str] = []
        runner.run(test, out=report.append, clear_globs=False)
        assert not report, "".join(report)
    assert runner.tries > 0


def loaded(script: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(script, ROOT / "docs" / f"{script}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[script] = module
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_those_of_the_program() -> None:
    pages: dict[Path, str] = loaded("make_pages").pages()
    for path, text in pages.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run `make help-pages`"


@pytest.mark.parametrize("kept", sorted((ROOT / "docs" / "images").glob("*.txt")), ids=name)
def test_pictures_show_what_was_captured(kept: Path) -> None:
    drawn = loaded("make_images").redraw(kept)
    assert kept.with_suffix(".svg").read_text(encoding="utf-8") == drawn
    assert "http" not in re.sub(r"https?://(www\.w3\.org|www\.textualize\.io)\S*", "", drawn)


def test_every_picture_has_its_capture() -> None:
    for picture in (ROOT / "docs" / "images").glob("*.svg"):
        assert picture.with_suffix(".txt").exists(), f"{picture.name} was not made by make_images"


def written() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in BY_HAND)


def test_every_command_is_told_of() -> None:
    headings = re.findall(r"^## huohou (.+)$", (ROOT / "docs/help.md").read_text("utf-8"), re.M)
    text = written()
    assert headings
    for command in headings:
        assert f"huohou {command}" in text, f"no document says what `huohou {command}` is for"


def test_every_setting_and_variable_is_told_of() -> None:
    from huohou.config import RunSettings, flatten

    pages = [(ROOT / "docs" / one).read_text("utf-8") for one in ("run-file.md", "run-file.zh.md")]
    for setting in flatten(RunSettings().model_dump()):
        assert all(f"`{setting}`" in text for text in pages), setting
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    variables = set(re.findall(r"[\"`$](HUOHOU_[A-Z]+)\b", sources))
    assert variables
    for variable in variables:
        assert all(f"`{variable}`" in text for text in pages), variable


def test_every_format_metric_check_and_log_format_is_told_of() -> None:
    from huohou.data.checks import checks
    from huohou.data.formats import formats
    from huohou.evaluate.metrics import load
    from huohou.record.readers import names

    for ending in (".md", ".zh.md"):
        data = (ROOT / "docs" / f"data{ending}").read_text(encoding="utf-8")
        for kind in (formats, checks):
            for key, _ in kind:
                assert f"`{key}`" in data, key
        score = (ROOT / "docs" / f"evaluation{ending}").read_text(encoding="utf-8")
        for key, _ in load():
            assert f"`{key}`" in score, key
        training = (ROOT / "docs" / f"diagnosis{ending}").read_text(encoding="utf-8")
        for key in names():
            assert f"| `{key}` |" in training, key


def test_index_links_to_every_document() -> None:
    index = ROOT / "docs" / "index.md"
    reached = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
    for path in (ROOT / "docs").glob("*.md"):
        assert path == index or path in reached or path in CHINESE, name(path)


def test_nothing_names_a_folder_of_somebodys_machine() -> None:
    homes = re.compile(r"(?<![\w.])/(?:work|root|home|Users)/\w|[A-Z]:\\\\?Users")
    command = ["git", "-c", "safe.directory=*", "-C", str(ROOT), "ls-files", "-z"]
    listed = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
    for one in filter(None, listed):
        path = ROOT / one
        if path.suffix in (".svg", ".png") or not path.is_file() or path == Path(__file__):
            continue
        found = homes.search(path.read_text(encoding="utf-8", errors="replace"))
        assert found is None, f"{one}: {found}"
