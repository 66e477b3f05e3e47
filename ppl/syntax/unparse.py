"""Trees back to text: for messages, for comments in emitted source, and for the formatter.

A node becomes a row of pieces: texts, and breaks where a line may end. `unparse` sets the row on
one line; `ppl.syntax.format` breaks it where it is too long. Parentheses stand where the tree has
them, and where precedence asks for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from ppl.syntax import tree

Node = tree.Expression | tree.Slice | tree.Keyword | tree.Loop | tree.Constraint


@dataclass(frozen=True, slots=True)
class Break:
    """A place where a line may end; `flat` stands there when it does not.

    `level` is the precedence of the operator that follows; 0 and less where there is none.
    """

    flat: str
    level: int = 0


OPEN = Break("")
"""Behind an opening bracket."""
CLOSE = Break("", -1)
"""Before a closing bracket."""
COMMA = Break(" ")
"""Behind a comma."""

Piece = str | Break

# Levels of precedence, as in the grammar: from `if` (loosest) to names and calls (tightest).
CONDITIONAL, OR, AND, NOT, RELATION, SUM, PRODUCT, MATRIX, SIGN, POWER, PRIMARY = range(1, 12)

BINARY = {"or": OR, "and": AND, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "%": PRODUCT}
BINARY |= {"@": MATRIX, "^": POWER}
BEFORE = {level: Break(" ", level) for level in range(CONDITIONAL, POWER)}
"""Before an operator of each level."""


def level(node: tree.Expression) -> int:
    """Return the level of precedence of an expression."""
    match node:
        case tree.Conditional():
            return CONDITIONAL
        case tree.Binary(operator=operator):
            return BINARY[operator]
        case tree.Unary(operator=operator):
            return NOT if operator == "not" else SIGN
        case tree.Comparison():
            return RELATION
        case _:
            return PRIMARY


def unparse(node: Node | tree.Statement) -> str:
    """Return the text of an expression, a part of one, or a statement, on one line."""
    match node:
        case tree.For(body=body):
            return flat(header(node)) + _block([unparse(statement) for statement in body])
        case tree.Function(definitions=(_, *_), result=result):
            lines = [unparse(definition) for definition in node.definitions]
            return flat(header(node)) + _block([*lines, unparse(result)])
        case tree.Guide(entries=entries):
            return flat(header(node)) + _block([flat(guide_entry(entry)) for entry in entries])
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
            return flat(statement(node))
        case _:
            return flat(part(node))


def flat(pieces: Sequence[Piece]) -> str:
    """Set a row of pieces on one line."""
    return "".join(piece if isinstance(piece, str) else piece.flat for piece in pieces)


def _block(lines: list[str]) -> str:
    return " { " + "; ".join(lines) + " }" if lines else " { }"


# --------------------------------------------------------------------------------- statements

Simple = (
    tree.Dimensions
    | tree.Data
    | tree.Parameters
    | tree.Sample
    | tree.Define
    | tree.Factor
    | tree.Require
    | tree.Function
)


def header(node: tree.For | tree.Function | tree.Guide) -> list[Piece]:
    """Return what stands before the block of a statement that has one."""
    match node:
        case tree.For(loops=loops):
            return ["for ", *_list(loops)]
        case tree.Function(name=name, parameters=parameters):
            return [f"fn {name.id}", *_bracketed("(", _list(parameters), ")")]
        case tree.Guide():
            return ["guide"]
    assert_never(node)


def statement(node: Simple) -> list[Piece]:
    """Return the pieces of a statement that has no block."""
    match node:
        case tree.Dimensions(items=items):
            return ["dim ", *_join([_dimension(item) for item in items])]
        case tree.Data(items=items):
            return ["data ", *_join([_datum(item) for item in items])]
        case tree.Parameters(items=items):
            return ["param ", *_join([_parameter(item) for item in items])]
        case tree.Sample(targets=targets, distribution=call, constraints=constraints):
            weight = _after(" weight ", node.weight, SUM)
            return [*_list(targets), " ~ ", *part(call), *_constraints(constraints), *weight]
        case tree.Define(targets=targets, value=value):
            return [*_list(targets), " = ", *part(value)]
        case tree.Factor(value=value):
            return ["factor ", *part(value)]
        case tree.Require(condition=condition):
            return ["require ", *part(condition)]
        case tree.Function(result=result):
            return [*header(node), " = ", *part(result)]
    assert_never(node)


def guide_entry(entry: tree.GuideEntry) -> list[Piece]:
    """Return the pieces of one line of a guide."""
    targets = _list(entry.targets)
    left = _bracketed("(", targets, ")") if entry.joint else targets
    return [*left, " ~ ", *part(entry.family)]


def _dimension(item: tree.Dimension) -> list[Piece]:
    return [item.name.id, *_after(" = ", item.size, CONDITIONAL)]


def _datum(item: tree.Datum) -> list[Piece]:
    return [*_declared(item), *_after(" missing ", item.missing, SUM)]


def _parameter(item: tree.Parameter) -> list[Piece]:
    return [*_declared(item), *_after(" = ", item.start, CONDITIONAL)]


def _declared(item: tree.Datum | tree.Parameter) -> list[Piece]:
    axes = _bracketed("[", _list(item.axes), "]") if item.axes else []
    return [item.name.id, *axes, *_constraints(item.constraints)]


def _constraints(constraints: tuple[tree.Constraint, ...]) -> list[Piece]:
    return [piece for constraint in constraints for piece in (" ", *part(constraint))]


def _after(word: str, node: tree.Expression | None, lowest: int) -> list[Piece]:
    return [] if node is None else [word, *operand(node, lowest)]


# ----------------------------------------------------------------------- expressions and parts


def part(node: Node) -> list[Piece]:
    """Return the pieces of an expression, or of a part of one."""
    match node:
        case tree.Slice(start=start, stop=stop):
            return [*_after("", start, SUM), ":", *_after("", stop, SUM)]
        case tree.Keyword(name=name, value=value):
            return [f"{name.id} = ", *part(value)]
        case tree.Loop(index=index, domain=domain):
            if isinstance(domain, tree.Slice):
                return [f"{index.id} in ", *part(domain)]
            return [f"{index.id} in ", *operand(domain, SUM)]
        case tree.Bound(operator=operator, value=value):
            return [f"{operator} ", *operand(value, SUM)]
        case tree.Interval(lower=lower, upper=upper, closed=closed):
            ends = _list((lower, upper))
            return ["in ", *(_bracketed("[", ends, "]") if closed else _bracketed("(", ends, ")"))]
        case tree.Finite(values=values):
            return ["in ", *_bracketed("{", _list(values), "}")]
        case tree.Named(name=name, origin=origin):
            return [f"in {name.id}" + ("" if origin is None else f" from {origin.text}")]
        case _:
            return _expression(node)


def _expression(node: tree.Expression) -> list[Piece]:
    match node:
        case tree.Number(text=text):
            return [text]
        case tree.String(value=value):
            return [f'"{value}"']
        case tree.Name(id=name):
            return [name]
        case tree.Unary(operator="not", operand=inner):
            return ["not ", *operand(inner, NOT)]
        case tree.Unary(operator=operator, operand=inner):
            return [operator, *operand(inner, SIGN)]
        case tree.Binary(operator="^", left=left, right=right):
            return [*operand(left, PRIMARY), "^", *operand(right, SIGN)]
        case tree.Binary(operator=operator, left=left, right=right):
            own = BINARY[operator]
            return [*operand(left, own), BEFORE[own], f"{operator} ", *operand(right, own + 1)]
        case tree.Comparison(operands=operands, operators=operators):
            row = operand(operands[0], SUM)
            for operator, right in zip(operators, operands[1:], strict=True):
                row += [BEFORE[RELATION], f"{operator} ", *operand(right, SUM)]
            return row
        case tree.Conditional(condition=condition, yes=yes, no=no):
            row = ["if ", *part(condition), BEFORE[CONDITIONAL], "then ", *part(yes)]
            return [*row, BEFORE[CONDITIONAL], "else ", *part(no)]
        case tree.Call(function=function, arguments=arguments, keywords=keywords, loops=loops):
            inside = [*_list((*arguments, *keywords)), *_loops(loops)]
            return [function.id, *_bracketed("(", inside, ")")]
        case tree.Index(base=base, positions=positions):
            return [*operand(base, PRIMARY), *_bracketed("[", _list(positions), "]")]
        case tree.Array(items=items):
            return _bracketed("[", _list(items), "]")
        case tree.Comprehension(body=body, loops=loops):
            return _bracketed("[", [*part(body), *_loops(loops)], "]")
        case tree.Parenthesis(body=body):
            return _bracketed("(", part(body), ")")
    assert_never(node)


def operand(node: tree.Expression, lowest: int) -> list[Piece]:
    """Return the pieces of an operand, in parentheses if it binds looser than `lowest`."""
    row = _expression(node)
    return row if level(node) >= lowest else _bracketed("(", row, ")")


def _loops(loops: tuple[tree.Loop, ...]) -> list[Piece]:
    return [BEFORE[CONDITIONAL], f"for {flat(_list(loops))}"] if loops else []


def _bracketed(opening: str, inside: list[Piece], closing: str) -> list[Piece]:
    return [opening, OPEN, *inside, CLOSE, closing] if inside else [opening + closing]


def _list(nodes: Sequence[Node]) -> list[Piece]:
    return _join([part(node) for node in nodes])


def _join(rows: list[list[Piece]]) -> list[Piece]:
    joined: list[Piece] = []
    for row in rows:
        joined += [",", COMMA, *row] if joined else row
    return joined
