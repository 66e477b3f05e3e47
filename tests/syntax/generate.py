"""Random models, as trees in the form in which the parser makes them."""

from hypothesis import strategies as st

from ppl.syntax import tree
from ppl.syntax.unparse import BINARY as LEVELS
from ppl.syntax.unparse import NOT, PRIMARY, SIGN, SUM, level
from ppl.text import Span

AT = Span(0, 0)
WORDS = ("a", "b", "mu", "x1", "θ", "σ2", "data", "dim", "param", "fn", "guide", "weight")
WORDS += ("missing", "from", "a_rather_long_name", "Normal", "inside")


def fit(node, lowest):
    """Put a node in parentheses where the grammar asks for them."""
    return node if level(node) >= lowest else tree.Parenthesis(node, AT)


names = st.sampled_from(WORDS).map(lambda word: tree.Name(word, AT))
numbers = st.sampled_from(["0", "1", "2.5", ".5", "1.", "2e-3", "1E+5", "inf", "12"]).map(
    lambda text: tree.Number(float(text), text, AT)
)
strings = st.sampled_from(["", "rk45", "a b", "# no comment", "{"]).map(
    lambda text: tree.String(text, AT)
)
atoms = names | numbers


def some(strategy, least=1, most=3):
    return st.lists(strategy, min_size=least, max_size=most).map(tuple)


def compound(inner):
    """Return expressions made of expressions."""

    def binary(operator, left, right):
        if operator == "^":
            return tree.Binary("^", fit(left, PRIMARY), fit(right, SIGN), AT)
        own = LEVELS[operator]
        return tree.Binary(operator, fit(left, own), fit(right, own + 1), AT)

    def unary(operator, operand):
        return tree.Unary(operator, fit(operand, NOT if operator == "not" else SIGN), AT)

    def comparison(operands, data):
        operators = tuple(data[: len(operands) - 1])
        return tree.Comparison(tuple(fit(o, SUM) for o in operands), operators, AT)

    keywords = st.builds(tree.Keyword, names, inner, st.just(AT))
    return st.one_of(
        st.builds(binary, st.sampled_from(sorted(LEVELS)), inner, inner),
        st.builds(unary, st.sampled_from(["-", "+", "not"]), inner),
        st.builds(
            comparison,
            some(inner, 2, 3),
            st.permutations(["<", "<=", ">", ">=", "==", "!="]),
        ),
        st.builds(tree.Conditional, inner, inner, inner, st.just(AT)),
        st.builds(tree.Call, names, some(inner, 0), some(keywords, 0, 2), st.just(()), st.just(AT)),
        st.builds(
            lambda f, body, over: tree.Call(f, (body,), (), over, AT), names, inner, loops(inner)
        ),
        st.builds(
            lambda base, at: tree.Index(fit(base, PRIMARY), at, AT),
            inner,
            some(inner | slices(inner)),
        ),
        st.builds(tree.Array, some(inner), st.just(AT)),
        st.builds(tree.Comprehension, inner, loops(inner), st.just(AT)),
        st.builds(tree.Parenthesis, inner, st.just(AT)),
    )


def sums(inner):
    return inner.map(lambda node: fit(node, SUM))


def slices(inner):
    end = st.none() | sums(inner)
    return st.builds(tree.Slice, end, end, st.just(AT))


def loops(inner):
    ranges = st.builds(tree.Slice, st.none() | sums(inner), sums(inner), st.just(AT))
    return some(st.builds(tree.Loop, names, sums(inner) | ranges, st.just(AT)), 1, 2)


expressions = st.recursive(atoms | strings, compound, max_leaves=12)
bounds = st.builds(
    tree.Bound, st.sampled_from(["<", "<=", ">", ">="]), sums(expressions), st.just(AT)
)
integers = st.sampled_from(["0", "1"]).map(lambda text: tree.Number(float(text), text, AT))
constraints = st.one_of(
    bounds,
    st.builds(tree.Interval, expressions, expressions, st.booleans(), st.just(AT)),
    st.builds(tree.Finite, some(expressions), st.just(AT)),
    st.builds(tree.Named, names, st.none() | integers, st.just(AT)),
)
axes = some(expressions, 0, 2)
calls = st.builds(tree.Call, names, some(expressions, 0), st.just(()), st.just(()), st.just(AT))
left_names = names | st.builds(
    tree.Index, names, some(expressions | slices(expressions)), st.just(AT)
)
left_values = expressions.filter(
    lambda node: not isinstance(node, tree.String | tree.Comparison | tree.Conditional)
)

dimensions = st.builds(
    tree.Dimensions,
    some(st.builds(tree.Dimension, names, st.none() | expressions, st.just(AT))),
    st.just(AT),
)
data = st.builds(
    tree.Data,
    some(
        st.builds(
            tree.Datum,
            names,
            axes,
            some(constraints, 0, 2),
            st.none() | sums(expressions),
            st.just(AT),
        )
    ),
    st.just(AT),
)
parameters = st.builds(
    tree.Parameters,
    some(
        st.builds(
            tree.Parameter,
            names,
            axes,
            some(constraints, 0, 2),
            st.none() | expressions,
            st.just(AT),
        )
    ),
    st.just(AT),
)
samples = st.builds(
    tree.Sample,
    some(left_values, 1, 2),
    calls,
    some(constraints, 0, 2),
    st.none() | sums(expressions),
    st.just(AT),
)
defines = st.builds(tree.Define, some(left_names, 1, 2), expressions, st.just(AT))
factors = st.builds(tree.Factor, expressions, st.just(AT))
requires = st.builds(tree.Require, expressions, st.just(AT))
functions = st.builds(
    tree.Function, names, some(names, 0), some(defines, 0, 2), expressions, st.just(AT)
)
entries = st.builds(
    lambda targets, joint, family: tree.GuideEntry(targets, joint and len(targets) > 1, family, AT),
    some(left_values, 1, 2),
    st.booleans(),
    names | calls,
)
guides = st.builds(tree.Guide, some(entries, 0), st.just(AT))
simple = samples | defines | factors | requires


def loop_statements(inner):
    return st.builds(tree.For, loops(expressions), some(inner, 0, 2), st.just(AT))


statements = (
    st.recursive(simple, loop_statements, max_leaves=4)
    | dimensions
    | data
    | parameters
    | functions
    | guides
)
models = some(statements, 0, 4)
