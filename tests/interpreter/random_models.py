"""Random models with data, one statement after another, each over some of the axes."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from tests.interpreter.writing import (
    DIMENSIONS,
    Expression,
    RandomModel,
    Statement,
    Variable,
    Writing,
)


class Generator:
    """Makes one random model; `random` decides everything."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.sizes = {d: random.randint(1, 3) for d in DIMENSIONS}
        self.sizes["N"] = random.randint(2, 4)
        self.numbers = np.random.default_rng(random.randint(0, 10**6))
        self.variables: list[Variable] = []
        self.statements: list[Statement] = []
        self.declarations: list[str] = []
        self.data: dict[str, Any] = {}
        self.learned: list[str] = []
        self.bounded: list[str] = []
        self.count = 0

    def model(self) -> RandomModel:
        for _ in range(self.random.randint(1, 3)):
            self.covariate()
        if self.random.random() < 0.7:
            self.positions()
        for _ in range(self.random.randint(1, 4)):
            self.random.choice((self.latent, self.latent, self.vector, self.parameter))()
            if self.random.random() < 0.5:
                self.definition()
        for _ in range(self.random.randint(1, 2)):
            self.observation()
        if self.random.random() < 0.3:
            self.factor()
        self.keep_bounded()
        return RandomModel(
            self.sizes,
            tuple(self.declarations),
            tuple(self.statements),
            self.data,
            tuple(self.learned),
        )

    def fresh(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def some_axes(self, most: int = 2) -> tuple[str, ...]:
        return tuple(self.random.sample(DIMENSIONS, self.random.randint(0, most)))

    def shape(self, axes: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(self.sizes[d] for d in axes)

    def declare(self, name: str, axes: tuple[str, ...], more: str = "") -> None:
        brackets = f"[{', '.join(axes)}]" if axes else ""
        self.declarations.append(f"data {name}{brackets}{more}")

    # ----------------------------------------------------------------------------------- names

    def covariate(self) -> None:
        name, axes = self.fresh("x"), self.some_axes()
        self.data[name] = self.numbers.normal(size=self.shape(axes))
        self.declare(name, axes)
        self.variables.append(Variable(name, axes))

    def positions(self) -> None:
        into, over = self.random.sample(DIMENSIONS, 2)
        name = self.fresh("g")
        first = self.random.randint(0, 1)
        places = self.numbers.integers(0, self.sizes[into], size=self.sizes[over])
        places[0] = self.sizes[into] - 1
        self.data[name] = places + first
        self.declare(name, (over,), f" in {into}" + (" from 1" if first else ""))
        self.variables.append(Variable(name, (over,), positions=into))

    def parameter(self) -> None:
        name, axes = self.fresh("w"), self.some_axes(1)
        positive = self.random.random() < 0.5
        brackets = f"[{', '.join(axes)}]" if axes else ""
        if axes or positive or self.random.random() < 0.5:
            self.declarations.append(f"param {name}{brackets}" + (" > 0" if positive else ""))
        self.learned.append(name)
        self.variables.append(Variable(name, axes, positive=positive))

    def latent(self) -> None:
        name, axes = self.fresh("z"), self.some_axes()
        law, support = self.scalar_law(axes)
        if any(mark in law.write(Writing()) for mark in (" < ", " > ", " in (")):
            self.bounded.append(name)
        self.statements.append(Statement(name, axes, "~", law.write, uses=law.uses))
        self.variables.append(Variable(name, axes, positive=support))

    def vector(self) -> None:
        event = self.random.choice(DIMENSIONS)
        batch = tuple(d for d in self.some_axes(1) if d != event)
        name, axes = self.fresh("v"), (*batch, event)
        kind = self.random.choice(("Dirichlet", "MultivariateNormal", "Ordered"))
        if kind == "Dirichlet":
            alpha = self.positive(frozenset())
            law = Expression(alpha.axes, lambda w: f"Dirichlet({alpha.write(w)})", alpha.uses)
        elif kind == "Ordered":
            self.bounded.append(name)
            scale = self.positive(frozenset())
            law = Expression(
                frozenset(), lambda w: f"Normal(0, {scale.write(w)}) in Ordered", scale.uses
            )
        else:
            scale = self.positive(frozenset())
            law = Expression(
                frozenset(),
                lambda w: f"MultivariateNormal(0.5, cov = {scale.write(w)} * eye({event}) + 0.5)",
                scale.uses,
            )
        self.statements.append(Statement(name, axes, "~", law.write, events=1, uses=law.uses))
        self.variables.append(Variable(name, axes))

    def definition(self) -> None:
        name, axes = self.fresh("m"), self.some_axes()
        value = self.expression(frozenset(axes), 3)
        self.statements.append(
            Statement(name, axes, "=", value.write, uses=value.uses, value=value)
        )
        self.variables.append(Variable(name, axes))

    def factor(self) -> None:
        axes = self.some_axes(1)
        value = self.expression(frozenset(axes), 2)
        if frozenset(axes) != value.axes:
            axes = ()
            value = self.expression(frozenset(), 2)
        self.statements.append(
            Statement("", axes, "", lambda w: f"factor -({value.write(w)})^2", uses=value.uses)
        )

    def keep_bounded(self) -> None:
        """Let the log joint speak of what has bounds: such a name cannot be drawn afterwards."""
        if self.bounded:
            parts = {name: self.whole(name) for name in self.bounded}
            total = " + ".join(f"sum({{{name}}})" for name in self.bounded)
            value = self.filled(f"factor 0.3 * ({total})", **parts)
            self.statements.append(Statement("", (), "", value.write, uses=value.uses))

    # ------------------------------------------------------------------------------------- laws

    def scalar_law(self, axes: tuple[str, ...]) -> tuple[Expression, bool]:
        """Return a law of numbers, and whether they are positive."""
        within = frozenset(axes)
        mean, scale, shape = (
            self.expression(within, 2),
            self.positive(within),
            self.positive(within),
        )
        real = ("Normal({m}, {s})", "StudentT(4, {m}, {s})", "Laplace({m}, {s})")
        real += ("Logistic({m}, {s})", "Gumbel({m}, {s})", "Cauchy({m}, {s})")
        real += ("Normal({m}, precision = {s})", "Uniform(-1, 2)", "Normal(tanh({m}), 1) < 3")
        positive = ("HalfNormal({s})", "Gamma({s}, {a})", "LogNormal({m}, {s})", "Beta({s}, {a})")
        positive += ("Exponential({s})", "InverseGamma(2 + {s}, {a})", "Weibull({s}, {a})")
        positive += ("Normal(0, 0.5 + {s}) > 0.1", "Beta(mu = 0.3, kappa = {s})", "Uniform(0, {s})")
        positive += (
            "StudentT(3, 0, 0.5 + {s}) in (0, 2)",
            "HalfCauchy({s})",
            "Exponential({s}) < 3",
        )
        is_positive = self.random.random() < 0.5
        text = self.random.choice(positive if is_positive else real)
        return self.filled(text, m=mean, s=scale, a=shape), is_positive

    def filled(self, text: str, **parts: Expression) -> Expression:
        used = [e for k, e in parts.items() if f"{{{k}}}" in text]
        return Expression(
            frozenset().union(*(e.axes for e in used)),
            lambda w: text.format(**{k: e.write(w) for k, e in parts.items()}),
            frozenset().union(*(e.uses for e in used)),
        )

    def observation(self) -> None:
        name, axes = self.fresh("y"), self.some_axes()
        within = frozenset(axes)
        shape = self.shape(axes)
        mean, scale = self.expression(within, 4), self.positive(within)
        kind = self.random.choice(("real", "real", "count", "binary", "positive", "unit", "state"))
        r = self.numbers
        more = ""
        match kind:
            case "real":
                values = r.normal(size=shape)
                laws = ("Normal({m}, {s})", "StudentT(3, {m}, {s})", "Laplace({m}, {s})")
            case "count":
                values = r.poisson(2, size=shape)
                laws = (
                    "Poisson(log = 2 * tanh({m}))",
                    "NegativeBinomial(log = tanh({m}), phi = {s})",
                )
                laws += ("Binomial(9, logit = 3 * sin({m}))", "Poisson({s})")
                more = " in Count" if self.random.random() < 0.5 else ""
            case "binary":
                values = r.integers(0, 2, size=shape)
                laws = ("Bernoulli(logit = {m})", "Bernoulli(sigmoid({m}))")
            case "positive":
                values = np.exp(r.normal(size=shape))
                laws = ("Gamma({s}, 1)", "LogNormal({m}, {s})", "Exponential({s})")
                laws += ("Weibull({s}, 2)", "Normal(tanh({m}), 0.5 + {s}) > 0")
                more = " > 0" if self.random.random() < 0.5 else ""
            case "unit":
                values = r.uniform(0.1, 0.9, size=shape)
                laws = ("Beta({s}, 2)", "Normal(tanh({m}), 0.5 + {s}) in (0, 1)")
            case "state":
                values = r.integers(0, 2, size=shape)
                laws = ("Categorical(logit = [0.5, {m}])",)
                if axes:
                    laws = ("Bernoulli(0.5 * sigmoid({m}))",)
        law = self.filled(self.random.choice(laws), m=mean, s=scale)
        values = np.asarray(values, dtype=float)
        if values.size > 1 and self.random.random() < 0.3 and axes:
            values = values.copy()
            values[tuple(r.integers(0, n) for n in shape)] = np.nan
        weight = ""
        if self.random.random() < 0.2:
            weight = " weight 0.5"
        self.data[name] = values
        self.declare(name, axes, more)
        self.statements.append(
            Statement(name, axes, "~ data", lambda w: law.write(w) + weight, uses=law.uses)
        )

    # ------------------------------------------------------------------------------ expressions

    def reference(self, v: Variable) -> Expression:
        def write(w: Writing) -> str:
            if v.name in w.local:
                return w.local[v.name]
            if not any(d in w.indices for d in v.axes):
                return w.of(v.name)
            return f"{w.of(v.name)}[{', '.join(w.indices.get(d, d) for d in v.axes)}]"

        return Expression(frozenset(v.axes), write, frozenset({v.name}))

    def whole(self, name: str) -> Expression:
        """Read all of a name, whatever loops there are."""
        return Expression(frozenset(), lambda w: w.of(name), frozenset({name}))

    def at(self, v: Variable) -> Expression:
        """Read a variable at one position of one axis."""
        axis = self.random.choice(v.axes)
        last = self.sizes[axis] - 1
        place = self.random.choice(("0", f"{axis} - 1", str(last)))

        def write(w: Writing) -> str:
            marks = [place if d == axis else w.indices.get(d, d) for d in v.axes]
            return f"{w.of(v.name)}[{', '.join(marks)}]"

        return Expression(frozenset(v.axes) - {axis}, write, frozenset({v.name}))

    def gather(self, v: Variable, g: Variable) -> Expression:
        """Read a variable at positions that data say."""
        (over,) = g.axes

        def write(w: Writing) -> str:
            inner = f"{w.of(g.name)}[{w.indices[over]}]" if over in w.indices else w.of(g.name)
            marks = [inner if d == g.positions else w.indices.get(d, d) for d in v.axes]
            return f"{w.of(v.name)}[{', '.join(marks)}]"

        axes = frozenset(over if d == g.positions else d for d in v.axes)
        return Expression(axes, write, frozenset({v.name, g.name}))

    def leaves(self, within: frozenset[str]) -> list[Callable[[], Expression]]:
        """Return ways to begin an expression over no more than some axes."""
        found: list[Callable[[], Expression]] = [lambda: self.number(), lambda: self.number()]
        pointers = [v for v in self.variables if v.positions is not None]
        for v in self.variables:
            if v.positions is not None:
                continue
            if set(v.axes) <= within:
                found += [lambda v=v: self.reference(v)] * 4
            if v.axes and len(set(v.axes) - within) <= 1:
                found.append(lambda v=v: self.at_within(v, within))
            for g in pointers:
                (over,) = g.axes
                rest = set(v.axes) - {g.positions}
                if g.positions in v.axes and over in within and rest <= within - {over}:
                    found += [lambda v=v, g=g: self.gather(v, g)] * 3
        for d in within:
            found.append(lambda d=d: self.index_as_number(d))
        return found

    def at_within(self, v: Variable, within: frozenset[str]) -> Expression:
        found = self.at(v)
        return found if found.axes <= within else self.number()

    def number(self) -> Expression:
        text = self.random.choice(("0.5", "1", "2", "-1.5", "0.25", "pi"))
        return Expression(frozenset(), lambda w: text)

    def index_as_number(self, d: str) -> Expression:
        return Expression(frozenset({d}), lambda w: w.indices.get(d, f"[q for q in {d}]"))

    def positive(self, within: frozenset[str]) -> Expression:
        """Return an expression whose values are seen to be positive."""
        known = [v for v in self.variables if v.positive and set(v.axes) <= within]
        if known and self.random.random() < 0.5:
            inner = self.reference(self.random.choice(known))
            return self.filled(
                self.random.choice(("{e}", "({e} + 0.5)", "(0.3 * {e} + 1)")), e=inner
            )
        inner = self.expression(within, 1)
        forms = ("exp(0.5 * tanh({e}))", "(0.1 + ({e})^2)", "(1 + abs({e}))", "sqrt(1 + ({e})^2)")
        return self.filled(self.random.choice(("1.5", "0.7", *forms)), e=inner)

    def expression(self, within: frozenset[str], depth: int) -> Expression:
        """Return an expression over no more than some axes."""
        if depth == 0 or self.random.random() < 0.2:
            return self.random.choice(self.leaves(within))()
        pick = self.random.random()
        if pick < 0.2:
            return self.reduction(within, depth)
        if pick < 0.3:
            return self.product(within)
        if pick < 0.35:
            return self.along(within)
        forms = ("({a} + {b})", "({a} - {b})", "({a} * {b})", "({a} + {b} + {c})", "-({a})")
        forms += ("{b} / (1 + ({a})^2)", "tanh({a})", "sin({a})", "exp(tanh({a}))", "({a})^2")
        forms += ("(if {a} > {b} then {c} else {d})", "where({c} < 0.3, {a}, {b})", "sigmoid({a})")
        forms += ("max({a}, {b})", "min({a}, {c})", "({a} > {b})", "twist({a}, {b})", "cos({b})")
        forms += (
            "(if {c} > 0 then sqrt({c}) else {b})",
            "log(1 + exp(tanh({a})))",
            "[{a}, {b}][1]",
        )
        forms += ("(if ({a} > 0 and {b} < 1) or not {c} > 0 then {d} else 1)", "abs({a})")
        form = self.random.choice(forms)
        depths = {"a": depth - 1, "b": depth - 1, "c": 0, "d": 0}
        parts = {k: self.expression(within, n) for k, n in depths.items() if f"{{{k}}}" in form}
        return self.filled(form, **parts)

    def reduction(self, within: frozenset[str], depth: int) -> Expression:
        """Reduce over an index, or over everything."""
        if self.random.random() < 0.3:
            known = [v for v in self.variables if v.axes and v.positions is None]
            if not known:
                return self.number()
            v = self.random.choice(known)
            operation = self.random.choice(("sum", "mean", "max", "logsumexp", "min"))
            return Expression(
                frozenset(), lambda w: f"{operation}({w.of(v.name)})", frozenset({v.name})
            )
        d = self.random.choice(DIMENSIONS)
        body = self.expression((within - {d}) | {d}, depth - 1)
        operation = self.random.choice(("sum", "sum", "mean", "max", "logsumexp", "min"))

        def write(w: Writing) -> str:
            index, inside = w.inside(d)
            inside = Writing(inside.indices, inside.names, {})
            return f"{operation}({body.write(inside)} for {index} in {d})"

        return Expression(body.axes - {d}, write, body.uses)

    def product(self, within: frozenset[str]) -> Expression:
        """Multiply a matrix and a vector, or two vectors, along a common axis."""
        known = [v for v in self.variables if v.axes and v.positions is None]
        pairs = [
            (a, b)
            for a in known
            for b in known
            if len(b.axes) == 1 and a.axes[-1] == b.axes[0] and set(a.axes[:-1]) <= within
            if b.axes[0] not in a.axes[:-1]
        ]
        if not pairs:
            return self.number()
        a, b = self.random.choice(pairs)
        x, y = self.reference(a), self.reference(b)
        d = b.axes[0]
        swapped = len(a.axes) == 1 and self.random.random() < 0.5

        def write(w: Writing) -> str:
            outside = w.outside(d)
            left, right = x.write(outside), y.write(outside)
            return f"({right} @ {left})" if swapped else f"({left} @ {right})"

        return Expression(x.axes - {d}, write, x.uses | y.uses)

    def along(self, within: frozenset[str]) -> Expression:
        """Apply a function along an axis of a vector."""
        known = [v for v in self.variables if len(v.axes) == 1 and v.positions is None]
        known = [v for v in known if v.axes[0] in within]
        if not known:
            return self.number()
        v = self.random.choice(known)
        function = self.random.choice(("cumsum", "softmax", "log_softmax", "sort"))

        def write(w: Writing) -> str:
            (d,) = v.axes
            whole = f"{function}({w.of(v.name)})"
            return f"{whole}[{w.indices[d]}]" if d in w.indices else whole

        return Expression(frozenset(v.axes), write, frozenset({v.name}))
