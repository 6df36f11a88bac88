"""Two neighbours typed in the wrong order."""

from itertools import pairwise

from huohou.data.styles import style


@style("swapped", "slip")
def swapped(form: str) -> list[str]:
    """The form with two neighbouring characters swapped.

    >>> swapped("知春路")
    ['春知路', '知路春']
    """
    return [
        form[:i] + after + before + form[i + 2 :]
        for i, (before, after) in enumerate(pairwise(form))
        if before != after and before.isalnum() and after.isalnum()
    ]
