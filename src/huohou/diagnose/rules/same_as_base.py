"""The model that is served is the base model: nothing of the training is in it."""

from huohou.diagnose.case import Case
from huohou.diagnose.rule import Cause, Need, Outcome, rule
from huohou.diagnose.served import is_base, seen_of, served, side

NOTHING = 1e-6  # nats a token that training moved the model by


@rule(
    "same-as-base",
    severity="error",
    tier="probe",
    cause=Cause.SERVING,
    needs=(Need("probe"),),
    explains=("train-serve-mismatch", "never-stops"),
    fires=(
        served((side(scores={"from_base": 0.0}),)),
        served((side(side="merged", form="float32", scores={"from_base": 0.01}),)),
        served((), nats_from_base=0.0, changed=0),
    ),
    quiet=(
        served((side(),)),
        served((side(scores={"from_base": 1.1}),)),
        served((), nats_from_base=1e-3, changed=0),
        served((), nats_from_base=0.0, changed=1),
    ),
)
def same_as_base(case: Case) -> Outcome:
    """The adapter changes nothing: tuned and untuned model differ by less than a millionth of a nat
    a token on the answers of the training and write the same answers. Or a way of serving the
    model holds the tokens of these answers as likely as the untuned model does, within a tenth of
    what the training changed: then the adapter was not applied there.
    """
    seen = seen_of(case)
    if seen is None:
        return Need("probe")
    trained = seen["trained"]
    facts, advice = [], []
    if trained["nats_from_base"] < NOTHING and not trained["changed"]:
        facts.append(same_as_base.evidence("adapter", answers=trained["answers"]))
        advice.append(same_as_base.advice("train"))
    for one in filter(is_base, seen["sides"]):
        scores = one["scores"]
        told = {"changed": scores["trained_from_base"], "kept": scores["from_base"]}
        facts.append(same_as_base.evidence("side", side=one["side"], **told))
    if not facts:
        return None
    if not advice:
        advice.append(same_as_base.advice("apply"))
    return same_as_base.finding(facts, advice)
