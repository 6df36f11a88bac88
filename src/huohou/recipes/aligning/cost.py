"""What stage 2 will cost at most: as if every training question were a hard case."""

from dataclasses import replace
from typing import TYPE_CHECKING

from huohou.data.pairs import PairSet
from huohou.plan import Outlook
from huohou.recipes.aligning.construct import construct, trainable
from huohou.recipes.aligning.unseen import refuse_seen
from huohou.recipes.embedding import cost

if TYPE_CHECKING:
    from huohou.plan.pairs import PairSubject


def predict(subject: "PairSubject") -> Outlook:
    """Updates, tokens, memory, time and space of a planned run, of which hard cases are a part.

    Raises UsageError where questions to evaluate on are trained on, and the run is not forced.
    """
    align = subject.run.align
    if subject.eval is not None:
        refuse_seen(subject.train, subject.eval, force=align.force)
    built = construct(
        subject.train, align.negatives, subject.run.train.seed, drawable=trainable(subject.train)
    )
    lists = {sample.query: sample.candidates for sample in built.samples}
    queries = tuple(
        replace(query, positives=lists[query.id][:1], negatives=lists[query.id][1:], gains=())
        for query in subject.train.queries
        if query.id in lists
    )
    listed: PairSet = replace(subject.train, queries=queries)
    found = cost.predict(replace(subject, train=listed))
    # Candidates are ranked with the whole model, so it is not split among workers.
    facts = {name: value for name, value in found.facts.items() if name != "split"}
    return replace(found, facts=facts)
