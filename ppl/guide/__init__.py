"""Guides: the families of approximate posterior, and the layout of the vector they live on.

Comes after compilation, which says the layout, and before inference, which chooses the numbers.
"""

from ppl.guide.arrow import Arrow
from ppl.guide.composite import Composite
from ppl.guide.fullrank import FullRank
from ppl.guide.gaussian import Guide, entropy, log_density
from ppl.guide.layout import Block, Layout
from ppl.guide.meanfield import MeanField
from ppl.guide.proposal import Proposal

__all__ = [
    "Arrow",
    "Block",
    "Composite",
    "FullRank",
    "Guide",
    "Layout",
    "MeanField",
    "Proposal",
    "entropy",
    "log_density",
]
