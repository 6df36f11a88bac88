"""Where settings come from, and what is said of bad ones."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huohou.config import RunSettings, flatten, load
from huohou.errors import ConfigError

RUN = """
name: bank-codes
recipe: sft
model: smollm2-135m
data: {train: train.jsonl, eval: val.jsonl}
train: {num_epochs: 10, learning_rate: 2e-4, batch_size: 16, early_stopping_patience: 5}
lora: {rank: 32, alpha: 64, dropout: 0.0}
"""


@pytest.fixture
def run_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "run.yaml"
    path.write_text(RUN, encoding="utf-8")
    return path


def test_the_run_file_of_the_design_is_read(run_file: Path) -> None:
    settings = load(run_file, environment={})
    assert settings.run.train.learning_rate == 2e-4
    assert settings.run.lora.rank == 32
    assert settings.table()["train.learning_rate"].source == str(run_file)
    assert settings.table()["train.seed"].source == "default"
    assert settings.path("train.jsonl") == run_file.parent / "train.jsonl"


def test_each_place_is_stronger_than_the_one_before(run_file: Path, tmp_path: Path) -> None:
    user = tmp_path / "xdg" / "huohou" / "config.yaml"
    user.parent.mkdir(parents=True)
    places = {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    user.write_text("train: {seed: 1, warmup_ratio: 0.1, max_length: 64}", encoding="utf-8")
    (tmp_path / "huohou.yaml").write_text("train: {seed: 2, max_length: 65}", encoding="utf-8")
    table = load(run_file, environment=places).table()
    assert (table["train.seed"].value, table["train.seed"].source) == (2, "huohou.yaml")
    assert table["train.warmup_ratio"].source == str(user)
    run_file.write_text("train: {seed: 3}", encoding="utf-8")
    assert load(run_file, environment=places).table()["train.seed"].value == 3
    places["HUOHOU_TRAIN__SEED"] = "4"
    found = load(run_file, environment=places).table()["train.seed"]
    assert (found.value, found.source) == (4, "HUOHOU_TRAIN__SEED")
    found = load(run_file, ["train.seed=5"], places).table()["train.seed"]
    assert (found.value, found.source) == (5, "-s")


def test_variables_name_top_settings_and_misspelt_ones_are_told(run_file: Path) -> None:
    assert load(run_file, environment={"HUOHOU_MODEL": "m", "HUOHOU_HOME": "x"}).run.model == "m"
    with pytest.raises(ConfigError, match="HUOHOU_TRIAN__SEED"):
        load(run_file, environment={"HUOHOU_TRIAN__SEED": "4"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("train: {learning_rat: 1}", ["learning_rat", "train.learning_rate", "run.yaml"]),
        ("lerning_rate: 1", ["lerning_rate", "train.learning_rate"]),
        ("rank: 4", ["rank", "lora.rank"]),
        ("train: {batch_size: many}", ["train.batch_size", "many", "run.yaml"]),
        ("train: {batch_size: 0}", ["train.batch_size", "0"]),
        ("a: [1", ["run.yaml:1", "YAML"]),
        ("- 1\n- 2", ["run.yaml"]),
        ("lora: 3", ["lora"]),
    ],
)
def test_bad_run_files_say_what_and_where(run_file: Path, text: str, words: list[str]) -> None:
    run_file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(run_file, environment={})
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert caught.value.exit_code == 2


def test_missing_folder_and_wrong_encoding(run_file: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(run_file.parent / "other.yaml", environment={})
    with pytest.raises(ConfigError, match="folder"):
        load(run_file.parent, environment={})
    run_file.write_bytes("name: 银行".encode("gbk"))
    with pytest.raises(ConfigError, match="UTF-8"):
        load(run_file, environment={})


def test_a_flag_without_equals_sign(run_file: Path) -> None:
    with pytest.raises(ConfigError, match="key=value"):
        load(run_file, ["train.seed"], {})


@given(st.floats(1e-12, 1e3))
def test_any_number_is_a_number(value: float) -> None:
    rate = load(None, [f"train.learning_rate={value!r}"], {}).run.train.learning_rate
    assert rate == value


def test_numbers_with_exponents_need_no_point() -> None:
    assert load(None, ["train.learning_rate=3e-5"], {}).run.train.learning_rate == 3e-5
    assert load(None, ["lora.alpha=1E2"], {}).run.lora.alpha == 100


def test_on_and_off_are_words(run_file: Path) -> None:
    run_file.write_text("train: {gradient_checkpointing: on, share_prefix: off}", "utf-8")
    settings = load(run_file, ["train.four_bit=off"], {}).run.train
    chosen = (settings.gradient_checkpointing, settings.share_prefix, settings.four_bit)
    assert chosen == ("on", "off", "off")


def test_every_setting_is_described() -> None:
    flat = flatten(RunSettings().model_dump())
    for name in flat:
        part: type = RunSettings
        *parents, leaf = name.split(".")
        for parent in parents:
            part = part.model_fields[parent].annotation  # type: ignore[attr-defined]
        assert part.model_fields[leaf].description, name  # type: ignore[attr-defined]


def test_a_setting_that_the_recipe_does_not_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("recipe: sft\nalign: {margin: 0.2}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"align\.margin .*recipe sft.*align"):
        load(file)
    with pytest.raises(ConfigError, match=r"lora\.rank .*recipe embed"):
        load(None, ["recipe=embed", "lora.rank=8"])
    assert load(None, ["recipe=align", "align.margin=0.2"]).run.align.margin == 0.2


def test_files_for_all_runs_may_hold_settings_of_every_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "huohou.yaml").write_text("align: {margin: 0.2}\nlora: {rank: 8}\n")
    assert load(None, ["recipe=embed"]).run.recipe == "embed"


def test_a_name_may_be_a_number() -> None:
    assert load(None, ["model=1"]).run.model == "1"
