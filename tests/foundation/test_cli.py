"""The command line as a whole: quick, light, and with the contract's exit codes."""

import subprocess
import sys
import textwrap

import pytest

from huohou import errors
from huohou.cli import main as cli


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"\n  {name} " in out for name in cli.commands())


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["runs", "--help"]])
def test_help_imports_no_training_stack(arguments: list[str]) -> None:
    code = f"""
        import sys
        from huohou.cli.main import run
        run({arguments!r})
        heavy = {{"torch", "transformers", "sqlalchemy", "scipy", "pydantic", "rich", "numpy"}}
        found = sorted(heavy & set(sys.modules))
        sys.exit(f"imported: {{found}}" if found else 0)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_import_needs_no_torch() -> None:
    code = "import sys, huohou, huohou.api; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_chinese_help() -> None:
    # In a process of its own: commands take their words when they are first imported.
    command = [sys.executable, "-m", "huohou", "--lang", "zh", "plan", "--help"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert "不启动训练" in done.stdout.decode("utf-8")


def test_headings_of_help_and_of_wrong_calls_are_in_the_language_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["--lang", "zh", "runs", "--help"]) == 0
    told = capsys.readouterr().out
    assert "用法：" in told and "选项" in told and "Options" not in told
    assert cli.run(["--lang", "zh", "runs", "shw"]) == 2
    told = capsys.readouterr().err
    assert "huohou runs --help" in told and "错误：" in told and "show" in told


def test_a_misspelt_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["diagnos", "x"]) == 2
    assert "diagnose" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["nonsense"], ["plan", "--nonsense"], ["--lang", "fr"]])
def test_wrong_use_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(arguments) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.DataError("config.not_mapping", path="x"), 2),
        (errors.RunFailedError("config.not_mapping", path="x"), 1),
        (errors.CannotJudgeError("config.not_mapping", path="x"), 3),
        (RuntimeError("a bug"), 101),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_become_exit_codes(
    error: BaseException,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli.cli, "main", fail)
    assert cli.run([]) == code
    written = capsys.readouterr()
    assert written.out == ""
    assert ("huohou env" in written.err) == (code == 101)
