"""The Trainer's model_preparation_time taken for the time a model needs to load."""

from huohou.diagnose.case import Case
from huohou.diagnose.claim import claim, figure


@claim(
    "preparation-time",
    verdict="wrong",
    says=(
        r"加载|准备|部署|\bload|prepar|start-?up|deploy",
        r"极快|很快|快速|迅速|速度快|时间.{0,4}短|极短|友好|fast|quick|short|instant|friendly|"
        r"in no time",
    ),
    unless=r"数据(?:加载|准备)|data ?(?:load|prepar)|dataset",
    fires=(
        "Model preparation takes 0.0057 s, so it loads very fast.",
        "Loading is quick, easy to deploy",
        "模型加载时间极短，部署友好",
        "准备时间 0.0057 秒，说明加载速度极快",
    ),
    quiet=(
        "Data loading is fast.",
        "Preparation of the model: 0.0057 s",
        "数据准备很快完成",
        "模型准备时间，单位为秒",
    ),
    source="transformers, trainer.py: model_preparation_time is the time to wrap and move a model "
    "that is in memory",
)
def preparation_time(case: Case) -> str | None:
    names = ("predict", "eval", "test")
    found = figure(case, *(f"{name}_model_preparation_time" for name in names))
    return None if found is None else preparation_time.say("numbers", seconds=found.value)
