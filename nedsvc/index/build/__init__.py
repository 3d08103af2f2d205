"""Building an index: reading dumps, then laying out entities, names, words and surroundings."""

from nedsvc.index.build.reading import MOST_NAMED, Progress, Report
from nedsvc.index.build.run import NOTHING_CHOSEN, Beside, Beyond, Finish, build_chosen, build_from_items, build_index
from nedsvc.index.build.workspace import Effort

__all__ = [
    "MOST_NAMED",
    "NOTHING_CHOSEN",
    "Beside",
    "Beyond",
    "Effort",
    "Finish",
    "Progress",
    "Report",
    "build_chosen",
    "build_from_items",
    "build_index",
]
