"""Trees back to text, on one line: for messages and for comments in emitted source.

Parentheses stand where the tree has them, and where precedence asks for them. The formatter
(`ppl.syntax.format`) breaks lines and keeps comments; this does neither.
"""

from __future__ import annotations

from typing import assert_never

from ppl.syntax import tree

Node = tree.Expression | tree.Slice | tree.Keyword | tree.Loop | tree.Constraint

# Levels of precedence, as in the grammar: from `if` (loosest) to names and calls (tightest).
CONDITIONAL, OR, AND, NOT, RELATION, SUM, PRODUCT, MATRIX, SIGN, POWER, PRIMARY = range(11)

BINARY = {"or": OR, "and": AND, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "%": PRODUCT}
BINARY |= {"@": MATRIX, "^": POWER}


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
        case tree.Slice(start=start, stop=stop):
            return f"{_optional(start, SUM)}:{_optional(stop, SUM)}"
        case tree.Keyword(name=name, value=value):
            return f"{name.id} = {unparse(value)}"
        case tree.Loop(index=index, domain=domain):
            return f"{index.id} in {_domain(domain)}"
        case tree.Bound() | tree.Interval() | tree.Finite() | tree.Named():
            return _constraint(node)
        case (
            tree.Dimensions()
            | tree.Data()
            | tree.Parameters()
            | tree.Sample()
            | tree.Define()
            | tree.For()
            | tree.Factor()
            | tree.Require()
            | tree.Function()
            | tree.Guide()
        ):
            return _statement(node)
        case _:
            return _expression(node)


def _expression(node: tree.Expression) -> str:
    match node:
        case tree.Number(text=text):
            return text
        case tree.String(value=value):
            return f'"{value}"'
        case tree.Name(id=name):
            return name
        case tree.Unary(operator="not", operand=operand):
            return f"not {at_level(operand, NOT)}"
        case tree.Unary(operator=operator, operand=operand):
            return operator + at_level(operand, SIGN)
        case tree.Binary(operator="^", left=left, right=right):
            return f"{at_level(left, PRIMARY)}^{at_level(right, SIGN)}"
        case tree.Binary(operator=operator, left=left, right=right):
            own = BINARY[operator]
            return f"{at_level(left, own)} {operator} {at_level(right, own + 1)}"
        case tree.Comparison(operands=operands, operators=operators):
            rest = "".join(
                f" {o} {at_level(x, SUM)}" for o, x in zip(operators, operands[1:], strict=True)
            )
            return at_level(operands[0], SUM) + rest
        case tree.Conditional(condition=condition, yes=yes, no=no):
            return f"if {unparse(condition)} then {unparse(yes)} else {unparse(no)}"
        case tree.Call(function=function, arguments=arguments, keywords=keywords, loops=loops):
            inside = _list((*arguments, *keywords)) + _loops(loops)
            return f"{function.id}({inside})"
        case tree.Index(base=base, positions=positions):
            return f"{at_level(base, PRIMARY)}[{_list(positions)}]"
        case tree.Array(items=items):
            return f"[{_list(items)}]"
        case tree.Comprehension(body=body, loops=loops):
            return f"[{unparse(body)}{_loops(loops)}]"
        case tree.Parenthesis(body=body):
            return f"({unparse(body)})"
    assert_never(node)


def at_level(node: tree.Expression, lowest: int) -> str:
    """Return the text of an operand, in parentheses if it binds looser than `lowest`."""
    text = _expression(node)
    return text if level(node) >= lowest else f"({text})"


def _constraint(node: tree.Constraint) -> str:
    match node:
        case tree.Bound(operator=operator, value=value):
            return f"{operator} {at_level(value, SUM)}"
        case tree.Interval(lower=lower, upper=upper, closed=closed):
            inside = f"{unparse(lower)}, {unparse(upper)}"
            return f"in [{inside}]" if closed else f"in ({inside})"
        case tree.Finite(values=values):
            return f"in {{{_list(values)}}}"
        case tree.Named(name=name, origin=origin):
            return f"in {name.id}" + ("" if origin is None else f" from {origin.text}")
    assert_never(node)


def _statement(node: tree.Statement) -> str:
    match node:
        case tree.For(loops=loops, body=body):
            return f"for {_list(loops)} {_block([_statement(s) for s in body])}"
        case tree.Function(name=name, parameters=parameters, definitions=(), result=result):
            return f"fn {name.id}({_list(parameters)}) = {unparse(result)}"
        case tree.Function(name=name, parameters=parameters, definitions=definitions):
            lines = [*map(_statement, definitions), unparse(node.result)]
            return f"fn {name.id}({_list(parameters)}) {_block(lines)}"
        case tree.Guide(entries=entries):
            return f"guide {_block([guide_entry(e) for e in entries])}"
        case tree.Dimensions(items=items):
            return "dim " + ", ".join(dimension(item) for item in items)
        case tree.Data(items=items):
            return "data " + ", ".join(datum(item) for item in items)
        case tree.Parameters(items=items):
            return "param " + ", ".join(parameter(item) for item in items)
        case tree.Sample(targets=targets, distribution=right, constraints=constraints):
            return f"{_list(targets)} ~ {unparse(right)}{_constraints(constraints)}" + _after(
                " weight ", node.weight, SUM
            )
        case tree.Define(targets=targets, value=value):
            return f"{_list(targets)} = {unparse(value)}"
        case tree.Factor(value=value):
            return f"factor {unparse(value)}"
        case tree.Require(condition=condition):
            return f"require {unparse(condition)}"
    assert_never(node)


def dimension(item: tree.Dimension) -> str:
    """Return the text of one item of ``dim``."""
    return item.name.id + _after(" = ", item.size, CONDITIONAL)


def datum(item: tree.Datum) -> str:
    """Return the text of one item of ``data``."""
    return _declared(item) + _after(" missing ", item.missing, SUM)


def parameter(item: tree.Parameter) -> str:
    """Return the text of one item of ``param``."""
    return _declared(item) + _after(" = ", item.start, CONDITIONAL)


def guide_entry(entry: tree.GuideEntry) -> str:
    """Return the text of one line of a guide."""
    targets = _list(entry.targets)
    left = f"({targets})" if entry.joint else targets
    return f"{left} ~ {unparse(entry.family)}"


def _declared(item: tree.Datum | tree.Parameter) -> str:
    axes = f"[{_list(item.axes)}]" if item.axes else ""
    return item.name.id + axes + _constraints(item.constraints)


def _constraints(constraints: tuple[tree.Constraint, ...]) -> str:
    return "".join(f" {_constraint(c)}" for c in constraints)


def _after(word: str, node: tree.Expression | None, lowest: int) -> str:
    return "" if node is None else word + at_level(node, lowest)


def _optional(node: tree.Expression | None, lowest: int) -> str:
    return "" if node is None else at_level(node, lowest)


def _domain(domain: tree.Expression | tree.Slice) -> str:
    return unparse(domain) if isinstance(domain, tree.Slice) else at_level(domain, SUM)


def _loops(loops: tuple[tree.Loop, ...]) -> str:
    return f" for {_list(loops)}" if loops else ""


def _list(nodes: tuple[Node, ...]) -> str:
    return ", ".join(unparse(node) for node in nodes)


def _block(lines: list[str]) -> str:
    return "{ " + "; ".join(lines) + " }" if lines else "{ }"
