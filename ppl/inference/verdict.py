"""The verdict: one word, one sentence why, one what to do.

It starts as high as the method can reach; every detector can only lower it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Word = Literal["exact", "good", "fair", "poor"]

RANK: dict[Word, int] = {"exact": 3, "good": 2, "fair": 1, "poor": 0}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one detector said: the best word it leaves, why, and what the user may do.

    `of_all` is whether it judged all latents at once, those too whose labels may mean nothing.
    """

    word: Word
    reason: str
    remedy: str = ""
    of_all: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far the answer can be trusted.

    Attributes
    ----------
    findings
        All that was said, in order; the first is what the method can reach at best.
    """

    findings: tuple[Finding, ...]

    @property
    def word(self) -> Word:
        """The lowest word that any finding leaves."""
        return self._deciding.word

    @property
    def reason(self) -> str:
        """The sentence of the finding that decided."""
        return self._deciding.reason

    @property
    def remedy(self) -> str:
        """What the user may do; empty when nothing is amiss."""
        return self._deciding.remedy

    @property
    def _deciding(self) -> Finding:
        return min(self.findings, key=_rank)

    def lower(self, to: Word, reason: str, remedy: str = "", *, of_all: bool = False) -> Verdict:
        """Return the verdict with one more finding; it never rises."""
        return Verdict((*self.findings, Finding(to, reason, remedy, of_all)))

    def at_least(self, word: Word) -> bool:
        """Whether the verdict is this word or better."""
        return RANK[self.word] >= RANK[word]


def begin(word: Word, reason: str) -> Verdict:
    """Return the verdict that a method reaches if nothing is amiss."""
    return Verdict((Finding(word, reason),))


def _rank(finding: Finding) -> int:
    return RANK[finding.word]
