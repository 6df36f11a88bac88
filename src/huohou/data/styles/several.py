"""What several names are called alike: the right answer is to ask which one."""

from huohou.data.names import abbreviations, everyday
from huohou.data.styles import style
from huohou.data.styles.place_first import place_first


@style("several", "several")
def several(name: str, city: str = "") -> list[str]:
    """Shorter forms of the name, the shortest first: they are shared most often."""
    found = (*abbreviations(name, city), *everyday(name, city), *place_first(name, city))
    return sorted(dict.fromkeys(found), key=len)
