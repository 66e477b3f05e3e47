"""The canonical layout of a model, as ``ppl format`` writes it.

One statement on a line; blocks indented by two spaces; comments kept, and one empty line where
there were some. A line that is too long is broken at commas, before operators, or inside its
largest brackets. The layout depends on the tree and the comments alone: doing it twice changes
nothing, and the text parses to the same tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ppl.syntax import tree
from ppl.syntax.layout import layout
from ppl.syntax.unparse import Piece, flat, guide_entry, header, part, statement
from ppl.text import Source

INDENT = "  "


def format_tree(model: tree.SyntaxTree, source: Source) -> str:
    """Return the text of a model in its canonical layout.

    Parameters
    ----------
    model
        The tree, with its comments.
    source
        The text from which it was parsed: tells where empty lines and comments stood.
    """
    writer = _Writer(source, list(model.comments))
    writer.block(model.statements, len(source.text) + 1, "")
    return "".join(f"{line}\n" for line in writer.lines)


Item = tree.Statement | tree.GuideEntry | tree.Expression


@dataclass(slots=True)
class _Writer:
    """The lines written so far, and the comments that wait for their place."""

    source: Source
    comments: list[tree.Comment]
    lines: list[str] = field(default_factory=list)
    fresh: bool = True
    last_line: int = 0

    def block(self, items: Sequence[Item], end: int, margin: str) -> None:
        """Write items with the comments between them, up to the offset `end`."""
        self.fresh = True
        for i, item in enumerate(items):
            self.own_comments(item.span.start, margin)
            self.item(item, margin)
            following = items[i + 1] if i + 1 < len(items) else None
            if following is not None and _begins_with_sign(following):
                self.lines[-1] += ";"
            self.trailing_comment(item.span.end, following.span.start if following else end)
        self.own_comments(end, margin)

    def item(self, item: Item, margin: str) -> None:
        """Write an item; what comments stand in its midst come before it."""
        self.empty_line(item.span.start)
        match item:
            case tree.For(body=body):
                self.braced(item, body, margin)
            case tree.Guide(entries=entries):
                self.braced(item, entries, margin)
            case tree.Function(definitions=(_, *_), result=result):
                self.braced(item, (*item.definitions, result), margin)
            case _:
                self.inner_comments(item.span.end, margin)
                self.lines.extend(layout(_pieces(item), margin))
        self.fresh = False
        self.last_line = self.line(item.span.end)

    def braced(
        self, item: tree.For | tree.Guide | tree.Function, body: Sequence[Item], margin: str
    ) -> None:
        """Write a statement with its block."""
        brace = self.brace(item)
        self.inner_comments(brace, margin)
        lines = layout([*header(item), " {"], margin)
        close = item.span.end - 1
        if not body and not self.waits(close):
            self.lines.extend([*lines[:-1], f"{lines[-1]} }}"])
            return
        self.lines.extend(lines)
        self.trailing_comment(brace, body[0].span.start if body else close)
        self.block(body, close, margin + INDENT)
        self.lines.append(f"{margin}}}")

    def brace(self, item: tree.For | tree.Guide | tree.Function) -> int:
        """Return where the block of a statement opens."""
        match item:
            case tree.For(loops=loops):
                place = loops[-1].span.end
            case tree.Guide():
                place = item.span.start
            case tree.Function(name=name):
                place = name.span.end
        place = self.source.text.index("{", place)
        while within := [c.span for c in self.comments if c.span.start < place < c.span.end]:
            place = self.source.text.index("{", within[0].end)
        return place

    def own_comments(self, end: int, margin: str) -> None:
        """Write the comments before an offset, each on its own line."""
        while self.waits(end):
            comment = self.comments.pop(0)
            self.empty_line(comment.span.start)
            self.lines.append(margin + comment.text)
            self.fresh = False
            self.last_line = self.line(comment.span.start)

    def inner_comments(self, end: int, margin: str) -> None:
        """Write the comments in the midst of a statement before it."""
        while self.waits(end):
            self.lines.append(margin + self.comments.pop(0).text)

    def trailing_comment(self, place: int, end: int) -> None:
        """Write a comment on the same line behind what was written last."""
        if self.waits(end) and self.line(self.comments[0].span.start) == self.line(place):
            self.lines[-1] += f"  {self.comments.pop(0).text}"

    def waits(self, end: int) -> bool:
        return bool(self.comments) and self.comments[0].span.start < end

    def empty_line(self, place: int) -> None:
        """Keep one empty line where the text has some, but not at the beginning of a block."""
        if not self.fresh and self.line(place) > self.last_line + 1:
            self.lines.append("")

    def line(self, offset: int) -> int:
        return self.source.position(offset)[0]


def _pieces(item: Item) -> list[Piece]:
    match item:
        case tree.GuideEntry():
            return guide_entry(item)
        case (
            tree.Dimensions()
            | tree.Data()
            | tree.Parameters()
            | tree.Sample()
            | tree.Define()
            | tree.Factor()
            | tree.Require()
            | tree.Function()
        ):
            return statement(item)
        case tree.For() | tree.Guide():
            raise AssertionError("a statement with a block is written by its parts")
        case _:
            return part(item)


def _begins_with_sign(item: Item) -> bool:
    """Tell whether an item, on its own line, would continue the line before."""
    return not isinstance(item, tree.For | tree.Guide) and flat(_pieces(item))[0] in "+-"
