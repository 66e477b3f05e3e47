"""What the grammar takes and the language does not, said in sentences.

The grammar takes any expression on the left of ``~`` and ``=``, and an expression as a statement of
its own: so the parser gets past the mistake, and it can be named here. Called by `ppl.syntax.build`
while the tree is made. What needs the meaning of a name is for the phases after.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ppl.syntax import tree
from ppl.syntax.unparse import unparse
from ppl.text import Diagnostic, Kind, Label, Span

Report = Callable[[Diagnostic], None]


@dataclass(frozen=True, slots=True)
class Bare:
    """Expressions that stand alone: the result of a function's block, a mistake elsewhere."""

    expressions: tuple[tree.Expression, ...]
    span: Span = field(compare=False)


no_effect = Kind(
    "no-effect",
    """A statement draws (`~`), defines (`=`), declares, or adds a term (`factor`). An expression
    on its own would be computed and dropped, so it is taken for a mistake. Only the last line of
    a function's block is an expression.""",
    wrong="x == 3",
    right="x = 3",
)
assignment_arrow = Kind(
    "assignment-arrow",
    """R and BUGS assign with `<-`. Here `=` defines a quantity and `~` draws one; `mu <- a` reads
    as the comparison `mu < -a`.""",
    wrong="mu <- 2 * a",
    right="mu = 2 * a",
)
not_a_target = Kind(
    "not-a-target",
    """On the left of `=` stands the name that is defined, with index sets or positions in
    brackets where it has axes.""",
    wrong="2 * x = y",
    right="x = y / 2",
)
not_a_distribution = Kind(
    "not-a-distribution",
    """On the right of `~` stands one distribution with its arguments in parentheses. What has a
    value is defined with `=`.""",
    wrong="z ~ Flat",
    right="z ~ Flat()",
)
function_result = Kind(
    "function-without-result",
    """The block of a `fn` ends in an expression: what the function gives. A line that begins with
    `-` or `+` continues the line before.""",
    wrong="fn g(a) { t = a^2 }",
    right="fn g(a) { t = a^2; t + 1 }",
)
not_in_function = Kind(
    "not-in-a-function",
    """A function is a formula: its block holds definitions with `=` and ends in an expression.
    Random variables and declarations belong to the model.""",
    wrong="fn g(a) { t ~ Normal(a, 1); t + 1 }",
    right="t ~ Normal(a, 1)\nfn g(t) = t + 1",
)
misplaced_declaration = Kind(
    "misplaced-declaration",
    """Data, parameters, dimensions, functions and the guide are declared once, outside the
    loops; the declaration names the axes.""",
    wrong="for n in N { param w[N] }",
    right="param w[N]",
)
argument_order = Kind(
    "argument-order",
    """In a call, arguments by position come before arguments by keyword.""",
    wrong="x ~ Normal(mu = 0, 1)",
    right="x ~ Normal(0, 1)",
)
open_range = Kind(
    "open-range",
    """A loop's range needs its end, as nothing else says where it stops. A dimension's name runs
    over the whole dimension.""",
    wrong="for t in 1: { z[t] ~ Normal(0, 1) }",
    right="for t in 1:T { z[t] ~ Normal(0, 1) }",
)

INVERSES = {"log": "exp({})", "exp": "log({})", "sqrt": "({})^2", "logit": "sigmoid({})"}

DECLARATIONS = (tree.Data, tree.Dimensions, tree.Parameters, tree.Function, tree.Guide)


def top_level(body: tuple[tree.Statement | Bare, ...], report: Report) -> None:
    """Report expressions that stand alone in the model."""
    for statement in body:
        if isinstance(statement, Bare):
            report(_bare(statement))


def loop_body(body: tuple[tree.Statement | Bare, ...], report: Report) -> None:
    """Report what may not stand in a loop."""
    for statement in body:
        if isinstance(statement, Bare):
            report(_bare(statement))
        elif isinstance(statement, DECLARATIONS):
            report(
                misplaced_declaration(
                    f"{_a_declaration(statement)} cannot stand inside `for`",
                    statement.span,
                    help="move it out of the loop",
                )
            )


def function_body(
    name: tree.Name, body: tuple[tree.Statement | Bare, ...], span: Span, report: Report
) -> tuple[tuple[tree.Define, ...], tree.Expression]:
    """Split a function's block into definitions and result."""
    for statement in body[:-1]:
        if isinstance(statement, Bare):
            report(_bare(statement))
    for statement in body:
        if not isinstance(statement, Bare | tree.Define):
            report(
                not_in_function(
                    f"{_a_declaration(statement)} cannot stand in the function `{name.id}`",
                    statement.span,
                    help="a function holds definitions with `=` and ends in an expression",
                )
            )
    definitions = tuple(s for s in body if isinstance(s, tree.Define))
    last = body[-1] if body else None
    if isinstance(last, Bare) and len(last.expressions) == 1:
        return definitions, last.expressions[0]
    if isinstance(last, Bare):
        report(function_result(f"`{name.id}` gives several results", last.span, help=_ONE_RESULT))
    elif last is None or isinstance(last, tree.Define):
        report(_no_result(name, last, span))
    return definitions, tree.Number(0.0, "0", span)


_ONE_RESULT = "give one expression; `[a, b]` makes an array of several"


def _no_result(name: tree.Name, last: tree.Define | None, span: Span) -> Diagnostic:
    message = f"the function `{name.id}` has no result"
    if last is None:
        return function_result(message, span, "the block is empty", help="end it in an expression")
    target = unparse(last.targets[0])
    return function_result(
        message,
        last.span,
        f"the last line defines `{target}`",
        help=f"end the block in an expression, such as `{target}` on a line of its own",
    )


def sampled(targets: tuple[tree.Expression, ...], report: Report) -> None:
    """Report left sides of ``~`` that can be neither a random variable nor data."""
    for target in targets:
        if isinstance(target, tree.String | tree.Comparison | tree.Conditional):
            report(
                not_a_target(
                    f"`{unparse(target)}` cannot be drawn",
                    target.span,
                    help="on the left of `~` stands a name, or an expression of data",
                )
            )


def defined(
    targets: tuple[tree.Expression, ...], value: tree.Expression, span: Span, report: Report
) -> None:
    """Report left sides of ``=`` that are not a name, with or without brackets."""
    for target in targets:
        base = target.base if isinstance(target, tree.Index) else target
        if not isinstance(base, tree.Name):
            report(_undefinable(target, value, span))


def _undefinable(target: tree.Expression, value: tree.Expression, span: Span) -> Diagnostic:
    from ppl.syntax.mistakes.stan import bounded

    shown = unparse(target)
    match target:
        case tree.Comparison(operands=(tree.Name(), *_)):
            habit = bounded(target, value, span)
            if habit is not None:
                return habit
            help = f"a condition between latents is `require {shown}`"
        case tree.Call(function=name):
            help = f"a function is defined with `fn`: `fn {shown} = {unparse(value)}`"
            inverse = INVERSES.get(name.id)
            if inverse is not None and len(target.arguments) == 1:
                help = f"write `{unparse(target.arguments[0])} = {inverse.format(unparse(value))}`"
        case tree.Binary() if isinstance(value, tree.Name):
            help = f"write `{value.id} = {shown}` if that is meant"
        case tree.Number() | tree.String():
            help = "the name that is defined stands on the left of `=`"
        case _:
            help = "on the left of `=` stands a name, with brackets where it has axes"
    return not_a_target(f"`{shown}` cannot be defined", target.span, help=help)


def start(
    name: tree.Name,
    constraints: tuple[tree.Constraint, ...],
    value: tree.Expression | None,
    span: Span,
    report: Report,
) -> None:
    """Report a condition behind the ``=`` of a parameter, as in ``param real<lower=0> s``."""
    from ppl.syntax.mistakes.stan import bounded

    if not isinstance(value, tree.Comparison):
        return
    if constraints and isinstance(constraints[0], tree.Bound):
        bound = constraints[0]
        target = tree.Comparison((name, bound.value), (bound.operator,), span)
        habit = bounded(target, value, span)
        if habit is not None:
            report(habit)
            return
    report(
        not_a_target(
            f"`{name.id}` cannot start at a condition, `{unparse(value)}`",
            value.span,
            help=f"write the number where the optimiser starts, as in `param {name.id} = 1`",
        )
    )


def distribution(
    right: tree.Expression, targets: tuple[tree.Expression, ...], report: Report
) -> tree.Call:
    """Return the call on the right of ``~``; report what is none."""
    match right:
        case tree.Call():
            return right
        case tree.Parenthesis(body=tree.Call() as inner):
            help = f"leave out the outer parentheses: `~ {unparse(inner)}`"
        case tree.Name(id=name):
            help = f"a distribution has parentheses: `~ {name}()`, with its arguments"
        case tree.Index(base=tree.Call() as inner):
            help = f"the axes stand on the left: `{unparse(targets[0])}[...] ~ {unparse(inner)}`"
        case _:
            shown = ", ".join(unparse(target) for target in targets)
            help = f"a value is given with `=`: `{shown} = {unparse(right)}`"
    report(not_a_distribution(f"`{unparse(right)}` is not a distribution", right.span, help=help))
    return tree.Call(tree.Name("", right.span), (), (), (), right.span)


def family(right: tree.Expression, report: Report) -> tree.Name | tree.Call:
    """Return the family on the right of ``~`` in a guide; report what is none."""
    if isinstance(right, tree.Name | tree.Call):
        return right
    report(
        not_a_distribution(
            f"`{unparse(right)}` is not a family of guides",
            right.span,
            help="write `meanfield`, `fullrank`, `lowrank(10)`, `amortized(...)` or a distribution",
        )
    )
    return tree.Name("", right.span)


def arguments(given: Sequence[tree.Expression | tree.Keyword], report: Report) -> None:
    """Report an argument by position that follows one by keyword."""
    keyword: tree.Keyword | None = None
    for argument in given:
        if isinstance(argument, tree.Keyword):
            keyword = argument
        elif keyword is not None:
            report(
                argument_order(
                    f"`{unparse(argument)}` has no keyword, but follows one that has",
                    argument.span,
                    secondary=(Label(keyword.span, "the first keyword"),),
                    help="arguments by position come first",
                )
            )
            return


def domain(given: tree.Expression | tree.Slice, report: Report) -> None:
    """Report a loop over a range without an end."""
    if isinstance(given, tree.Slice) and given.stop is None:
        report(
            open_range(
                f"the range `{unparse(given)}` has no end",
                given.span,
                help="write where it stops, such as `1:T`",
            )
        )


def _bare(statement: Bare) -> Diagnostic:
    if len(statement.expressions) > 1:
        return no_effect(
            "nothing is said of these", statement.span, help="draw them with `~` or define them"
        )
    (expression,) = statement.expressions
    shown = unparse(expression)
    match expression:
        case tree.Comparison(operands=(left, right), operators=("<",)) if _begins_with_minus(right):
            value = shown.removeprefix(f"{unparse(left)} < -")
            return assignment_arrow(
                f"`<-` does not assign: this compares `{unparse(left)}` with `-{value}`",
                statement.span,
                help=f"write `{unparse(left)} = {value}` to define, `~` to draw",
            )
        case tree.Comparison(operands=(left, right), operators=("==",)):
            help = f"to define, write `{unparse(left)} = {unparse(right)}`"
        case tree.Comparison():
            help = f"a hard constraint is `require {shown}`"
        case tree.Array():
            help = "an index stands on the same line as what it indexes"
        case tree.Call():
            help = f"draw a variable with `name ~ {shown}`, or define one with `name = {shown}`"
        case tree.Name() | tree.Index():
            help = f"draw it, `{shown} ~ ...`, or define it, `{shown} = ...`"
        case _:
            help = f"define a quantity with `name = {shown}`, or add to the log joint with `factor`"
    return no_effect(f"`{shown}` says nothing about the model", statement.span, help=help)


def _begins_with_minus(expression: tree.Expression) -> bool:
    while True:
        match expression:
            case tree.Unary(operator="-"):
                return True
            case tree.Binary(left=left):
                expression = left
            case tree.Index(base=base):
                expression = base
            case _:
                return False


def _a_declaration(statement: tree.Statement) -> str:
    match statement:
        case tree.Data():
            return "a declaration of data"
        case tree.Dimensions():
            return "a declaration of a dimension"
        case tree.Parameters():
            return "a declaration of a parameter"
        case tree.Function():
            return "a function"
        case tree.Guide():
            return "a guide"
        case tree.Sample():
            return "a draw with `~`"
        case tree.For():
            return "a loop"
        case tree.Factor() | tree.Require():
            return "a term of the log joint"
        case tree.Define():
            return "a definition"
