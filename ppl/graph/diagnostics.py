"""The kinds of diagnostics that the graph's passes give."""

from ppl.text import Kind

UNKNOWN_NAME = Kind(
    "unknown-name",
    "A name that is defined nowhere is a learned scalar parameter. If it is one or two letters "
    "from a name that the model or the data have, it is taken for a slip of the pen.",
    wrong="sigma ~ HalfNormal(1)\ny ~ Normal(0, simga)",
    right="sigma ~ HalfNormal(1)\ny ~ Normal(0, sigma)",
)
UNKNOWN_INDEXED = Kind(
    "unknown-indexed-name",
    "An unknown name without brackets is a learned scalar. One with brackets must be declared, so "
    "that its axes are known.",
    wrong="y[N] ~ Normal(b[N], 1)",
    right="data b[N]\ny[N] ~ Normal(b[N], 1)",
)
UNKNOWN_FUNCTION = Kind(
    "unknown-function",
    "Only the functions of the reference and those defined with `fn` can be called.",
    wrong="a ~ Normal(0, 1)\ny ~ Normal(expp(a), 1)",
    right="a ~ Normal(0, 1)\ny ~ Normal(exp(a), 1)",
)
UNKNOWN_DISTRIBUTION = Kind(
    "unknown-distribution",
    "On the right of `~` stands one of the language's distributions, with a capital letter.",
    wrong="y ~ Gaussian(0, 1)",
    right="y ~ Normal(0, 1)",
)
NOT_A_VALUE = Kind(
    "not-a-value",
    "A distribution, a function or an option is not a number: distributions stand on the right of "
    "`~`, functions are called.",
    wrong="y = Normal(0, 1)",
    right="y ~ Normal(0, 1)",
)
ARGUMENTS = Kind(
    "wrong-arguments",
    "A distribution or a function takes the arguments that its reference names.",
    wrong="y ~ Normal(0)",
    right="y ~ Normal(0, 1)",
)
SHAPE = Kind(
    "shape-mismatch",
    "Axes meet by the name of their dimension; nameless axes meet by position, counted from the "
    "last. A likelihood is never broadcast silently.",
    wrong="a[J] ~ Normal(0, 1)\ny[N] ~ Normal(a, 1)",
    right="data g[N] in J\na[J] ~ Normal(0, 1)\ny[N] ~ Normal(a[g], 1)",
)
TOO_MANY_POSITIONS = Kind(
    "too-many-positions",
    "In brackets stands at most one position for each axis.",
    wrong="a[J] ~ Normal(0, 1)\ny ~ Normal(a[0, 1], 1)",
    right="a[J] ~ Normal(0, 1)\ny ~ Normal(a[0], 1)",
)
BAD_POSITION = Kind(
    "bad-position",
    "Positions are whole numbers from 0 and never wrap: the last of N is `x[N - 1]`.",
    wrong="a[J] ~ Normal(0, 1)\ny ~ Normal(a[-1], 1)",
    right="a[J] ~ Normal(0, 1)\ny ~ Normal(a[J - 1], 1)",
)
RAGGED = Kind(
    "ragged",
    "A range whose bounds use another index has another length for each of its positions. It "
    "stands in a loop, on the left, or in a reduction; only what has the same bounds meets it.",
    wrong="data y[T]\nb[T] ~ Normal(0, 1)\nfor t in T { y[t] ~ Normal(cumsum(b[0:t])[0], 1) }",
    right="data y[T]\nb[T] ~ Normal(0, 1)\nfor t in T { y[t] ~ Normal(sum(b[0:t]), 1) }",
)
LABEL = Kind(
    "label-or-position",
    "Data declared `in J from 1` are positions in J, which count from 0 in the model. A number "
    "compared with them may be meant as the data's own label or as a position; `J[1]` is position "
    "1, whatever the data call it.",
    wrong="data g[N] in J from 1\ndata y[N]\nm ~ Normal(0, 1)\n"
    "y ~ Normal(if g == 2 then m else 0, 1)",
    right="data g[N] in J from 1\ndata y[N]\nm ~ Normal(0, 1)\n"
    "y ~ Normal(if g == J[1] then m else 0, 1)",
)
NOT_OBSERVED = Kind(
    "not-observed",
    "`observed(y)` is the data of a random variable `y` as a constant, for priors that look at the "
    "data. The data must give `y`, and observe it.",
    wrong="data y[N]\nm ~ Normal(mean(observed(m)), 1)\ny ~ Normal(m, 1)",
    right="data y[N]\nm ~ Normal(mean(observed(y)), 1)\ny ~ Normal(m, 1)",
)
REJECTED = Kind(
    "kept-by-rejection",
    "A `require` that is not a bound of one latent is kept by giving probability 0 to what "
    "breaks it. Inference is less reliable at such edges than with bounds.",
    severity="note",
)
NEVER = Kind(
    "never-true",
    "What `require` demands must be possible, and depend on a latent.",
    wrong="a ~ Normal(0, 1)\nrequire 1 > 2\ny ~ Normal(a, 1)",
    right="a ~ Normal(0, 1)\nrequire a > 2\ny ~ Normal(a, 1)",
)
BAD_TARGET = Kind(
    "bad-target",
    "On the left of `=` stands a name, perhaps with brackets; on the left of `~` also an "
    "expression of data. The index of a loop is a position, and is not defined by a statement.",
    wrong="data y[N]\nfor n in N { n ~ Normal(0, 1) }",
    right="data y[N]\nfor n in N { y[n] ~ Normal(0, 1) }",
)
MISSING_INDEX = Kind(
    "missing-index",
    "Inside a `for`, the left side names every index of the loops around it: without it the same "
    "data would be counted once for each index.",
    wrong="data y[N]\nfor n in N { y ~ Normal(0, 1) }",
    right="data y[N]\nfor n in N { y[n] ~ Normal(0, 1) }",
)
LATENT_LEFT = Kind(
    "latent-on-the-left",
    "An expression on the left of `~` must be of data alone: with latents in it, the statement "
    "would need a Jacobian.",
    wrong="a ~ Normal(0, 1)\nexp(a) ~ Normal(0, 1)",
    right="a ~ Normal(0, 1)\nfactor logp(Normal(0, 1), exp(a))",
)
DEFINED_TWICE = Kind(
    "defined-twice",
    "Every position of a name is defined exactly once.",
    wrong="a ~ Normal(0, 1)\na ~ Normal(0, 2)\ny ~ Normal(a, 1)",
    right="a ~ Normal(0, 1)\ny ~ Normal(a, 1)",
)
PARTLY_DEFINED = Kind(
    "partly-defined",
    "All the statements of a name together cover each of its positions.",
    wrong="beta[3] ~ Normal(0, 1)\ny ~ Normal(beta[3], 1)",
    right="dim K = 3\nbeta[K] ~ Normal(0, 1)\ny ~ Normal(beta[2], 1)",
)
CYCLE = Kind(
    "cycle",
    "A quantity may depend on itself only at earlier positions of an axis.",
    wrong="a ~ Normal(b, 1)\nb ~ Normal(a, 1)",
    right="a ~ Normal(0, 1)\nb ~ Normal(a, 1)",
)
NAME_CLASH = Kind(
    "name-clash",
    "A loop's index may not bear the name of a dimension or of a variable; a name is one thing.",
    wrong="n = 3\nfor n in N { y[n] ~ Normal(0, 1) }",
    right="m = 3\nfor n in N { y[n] ~ Normal(0, 1) }",
)
UNKNOWN_SIZE = Kind(
    "unknown-size",
    "The size of a dimension comes from the model (`dim K = 3`), from `--set K=3`, from a number "
    "of that name in the data, from an axis of the data, or from the largest position that points "
    "into it.",
    wrong="beta[K] ~ Normal(0, 1)\ny ~ Normal(sum(beta), 1)",
    right="dim K = 3\nbeta[K] ~ Normal(0, 1)\ny ~ Normal(sum(beta), 1)",
)
SIZES_DISAGREE = Kind(
    "sizes-disagree",
    "All that speaks of a dimension's size must agree.",
)
SUPPORT = Kind(
    "argument-outside-support",
    "An argument of a distribution must be shown to lie where the distribution needs it: a scale "
    "is positive, a probability lies between 0 and 1.",
    wrong="s ~ Normal(0, 1)\ny ~ Normal(0, s)",
    right="s ~ HalfNormal(1)\ny ~ Normal(0, s)",
)
SCALE = Kind(
    "variance-as-scale",
    "The normal distribution takes a standard deviation, as in Stan, PyMC, NumPy and R; books "
    "often write its variance, BUGS and JAGS its precision.",
    wrong="s ~ HalfNormal(1)\ny ~ Normal(0, s^2)",
    right="s ~ HalfNormal(1)\ny ~ Normal(0, s)",
    severity="warning",
)
CONSTRAINT = Kind(
    "bad-constraint",
    "A constraint is a bound, an interval, a finite set, a named set, or a dimension that the "
    "values point into.",
    wrong="a ~ Normal(0, 1) in Positif",
    right="a ~ Normal(0, 1) in Positive",
)
GUIDE_FAMILY = Kind(
    "guide-family",
    "A line of the guide gives a continuous latent a family: `meanfield`, `fullrank`, "
    "`lowrank(k)`, `structured`, `amortized(data[n], hidden = [64])`, or a distribution, whose "
    "arguments are learned.",
    wrong="mu ~ Normal(0, 1)\ny[N] ~ Normal(mu, 1)\nguide { mu ~ fulrank }",
    right="mu ~ Normal(0, 1)\ny[N] ~ Normal(mu, 1)\nguide { mu ~ fullrank }",
)
GUIDE_TWICE = Kind(
    "guide-twice",
    "Each latent has one factor of the guide.",
    wrong="mu ~ Normal(0, 1)\ny[N] ~ Normal(mu, 1)\nguide { mu ~ meanfield; mu ~ fullrank }",
    right="mu ~ Normal(0, 1)\ny[N] ~ Normal(mu, 1)\nguide { mu ~ fullrank }",
)
GUIDE_SUPPORT = Kind(
    "guide-support",
    "A named family of the guide must give values of the latent's own set.",
    wrong="s ~ HalfNormal(1)\ny[N] ~ Normal(0, s)\nguide { s ~ Normal }",
    right="s ~ HalfNormal(1)\ny[N] ~ Normal(0, s)\nguide { s ~ LogNormal }",
)
GUIDE_INPUT = Kind(
    "guide-input",
    "An amortized guide is a network that reads, for each position of a plate, that position's row "
    "of data.",
    wrong="data x[N]\nfor n in N { z[n] ~ Normal(0, 1); x[n] ~ Normal(z[n], 1) }\n"
    "guide { z[n] ~ amortized }",
    right="data x[N]\nfor n in N { z[n] ~ Normal(0, 1); x[n] ~ Normal(z[n], 1) }\n"
    "guide { z[n] ~ amortized(x[n]) }",
)
CANNOT_BATCH = Kind(
    "cannot-batch",
    "A minibatch has some positions of a plate, so positions must not depend on one another: each "
    "statement reads the plate's names at its own position, and adds up nothing over the plate.",
)
UNSUPPORTED = Kind(
    "not-yet-supported",
    "The language has this, but this version's compiler does not carry it yet.",
)
CANNOT_DRAW = Kind(
    "cannot-draw",
    "Prediction and simulation draw every variable that is not given from its distribution. `Flat` "
    "has none to draw from, and some bounds or sets are next to never met by chance.",
)
NO_MODEL = Kind(
    "empty-model",
    "A model has at least one statement with `~` or `factor`.",
    wrong="a = 3",
    right="a ~ Normal(3, 1)",
)
TOO_LARGE = Kind(
    "table-too-large",
    "Discrete latents are summed out exactly, by tables over the states of those that are coupled. "
    "Where a table would be too large, the model cannot be fitted this way.",
)
UNBOUNDED = Kind(
    "unbounded-discrete-latent",
    "Discrete latents are summed out, so each must have a known, finite number of values.",
    wrong="n ~ Poisson(3)\ny ~ Normal(n, 1)",
    right="n ~ DiscreteUniform(0, 10)\ny ~ Normal(n, 1)",
)
IMPROPER = Kind(
    "improper-draw",
    "What nothing observed depends on is drawn from its distribution; an improper one such as "
    "`Flat` has no draws.",
)
