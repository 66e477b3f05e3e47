"""What a diagnostic's code means: the rule behind it, and the smallest model that breaks it."""

from __future__ import annotations

import difflib
import textwrap

from ppl.text.diagnostic import KINDS, UsageError
from ppl.text.usage import USAGE

WIDTH = 80


def explain(code: str) -> str:
    """Return the explanation of a kind of diagnostic, as Markdown that reads as plain text.

    Only kinds whose modules have been imported are known (`ppl.pipeline.explain` imports all).

    Parameters
    ----------
    code
        The code in the brackets of a message, as ``shape-mismatch``; the whole
        ``error[shape-mismatch]`` will do.

    Raises
    ------
    UsageError
        If there is no such code.
    """
    plain = code.strip().rstrip(":").removesuffix("]").rpartition("[")[2].lower()
    kind = KINDS.get(plain)
    if kind is None:
        near = difflib.get_close_matches(plain, KINDS, 1, cutoff=0.5)
        help = f"did you mean `{near[0]}`?" if near else "messages show their code in brackets"
        raise UsageError((USAGE(f"there is no code `{code}`", help=help),))
    paragraph = textwrap.fill(" ".join(kind.explanation.split()), WIDTH)
    parts = [f"# {kind.severity}[{kind.code}]", paragraph]
    if kind.wrong:
        parts.append(f"Wrong:\n\n{textwrap.indent(kind.wrong, '    ')}")
    if kind.right:
        parts.append(f"Right:\n\n{textwrap.indent(kind.right, '    ')}")
    return "\n\n".join(parts) + "\n"
