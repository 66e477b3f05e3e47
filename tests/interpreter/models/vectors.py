"""Simplexes, vectors and matrices; several axes."""

import numpy as np

from tests.interpreter.models.case import case
from tests.interpreter.models.data import (
    D,
    J,
    K,
    N,
    X,
    counts,
    cube,
    g,
    square,
    x,
    y,
)

_rng = np.random.default_rng(7)

CASES = [
    case(
        "shares",
        """dim K = 3
p[K] ~ Dirichlet(1)
data c[N] in K
c ~ Categorical(p)""",
        c=[0, 1, 2, 2, 1, 0, 2],
    ),
    case(
        "shares by group",
        """dim K = 3
data c[N] in K, g[N] in J
a[K] ~ HalfNormal(2)
p[J, K] ~ Dirichlet(a + 0.1)
c ~ Categorical(p[g])""",
        c=[0, 1, 2, 2, 1, 0, 2],
        g=g,
    ),
    case(
        "softmax regression",
        """dim K = 3
data c[N] in K, X[N, D]
B[D, K] ~ Normal(0, 1)
for n in N { c[n] ~ Categorical(softmax(X[n] @ B)) }""",
        c=[0, 1, 2, 2, 1, 0, 2],
        X=X,
    ),
    case(
        "softmax regression of logits",
        """dim K = 3
data c[N] in K, X[N, D]
B[D, K] ~ Normal(0, 1)
c ~ Categorical(logit = X @ B)""",
        c=[0, 1, 2, 2, 1, 0, 2],
        X=X,
    ),
    case(
        "multivariate normal by a factor",
        """dim P = 3
L[P, P] ~ LKJCholesky(2)
sig[P] ~ HalfNormal(1)
mu[P] ~ Normal(0, 1)
data x[N, P]
x ~ MultivariateNormal(mu, chol = [[sig[i] * L[i, j] for j in P] for i in P])""",
        x=X,
    ),
    case(
        "multivariate normal by a covariance",
        """data x[N, P]
mu[P] ~ Normal(0, 1)
s ~ HalfNormal(1)
r ~ HalfNormal(1)
x ~ MultivariateNormal(mu, cov = s * eye(P) + r)""",
        x=X,
    ),
    case(
        "multivariate normal row by row",
        """data x[N, P]
mu[P] ~ Normal(0, 1)
C[P, P] = 0.5 * eye(P) + 0.5
for n in N { x[n] ~ MultivariateNormal(mu, cov = C) }""",
        x=X,
    ),
    case(
        "gaussian process",
        """data x[N], k[N] in Count
rho ~ Gamma(25, 4)
alpha ~ HalfNormal(2)
f[N] ~ MultivariateNormal(0, cov = exp_quad(x, alpha, rho) + 0.1 * eye(N))
k ~ Poisson(log = f)""",
        x=np.arange(N) * 1.0,
        k=counts,
    ),
    case(
        "gaussian process by hand",
        """data x[N], y[N]
rho ~ Gamma(2, 1)
s ~ HalfNormal(1)
for i in N, j in N { C[i, j] = exp(-(x[i] - x[j])^2 / (2 * rho^2)) + (if i == j then s else 0) }
y ~ MultivariateNormal(0, cov = C + 0.05 * eye(N))""",
        x=x,
        y=y,
    ),
    case(
        "matrices",
        """data A[P, P], y[P]
b[P] ~ Normal(0, 1)
S[P, P] = A @ transpose(A) + 2 * eye(P)
y ~ Normal(solve(S, b) + diag(S) * b, 1)
factor -0.1 * logdet(S) - quad_form(S, b)""",
        A=_rng.normal(size=(D, D)),
        y=_rng.normal(size=D),
    ),
    case(
        "matrices by position",
        """data A[P, P], B[P, P]
s ~ Normal(0, 1)
B ~ Normal(s * A + transpose(A) * s^2, 1)""",
        A=_rng.normal(size=(D, D)),
        B=_rng.normal(size=(D, D)),
    ),
    case(
        "matrices by loops",
        """data A[P, P], B[P, P]
v[P] ~ Normal(0, 1)
for i in P, j in P { B[i, j] ~ Normal(v[i] * A[j, i] - v[j], 1) }""",
        A=_rng.normal(size=(D, D)),
        B=_rng.normal(size=(D, D)),
    ),
    case(
        "outer product",
        """data M[J, K]
a[J] ~ Normal(0, 1)
b[K] ~ Normal(0, 1)
M ~ Normal(outer(a, b) + a * b, 1)""",
        M=square,
    ),
    case(
        "axes by name, not by order",
        """data M[J, K], W[K, J]
a[J] ~ Normal(0, 1)
b[K] ~ Normal(0, 1)
M ~ Normal(b - a + s * W, 1)
s ~ Normal(0, 1)""",
        M=square,
        W=_rng.normal(size=(K, J)),
    ),
    case(
        "square data with different names",
        """data M[J, K], W[K, J]
a[J] ~ Normal(0, 1)
M ~ Normal(a * W, 1)""",
        M=_rng.normal(size=(3, 3)),
        W=_rng.normal(size=(3, 3)),
    ),
    case(
        "axis order other than loop order",
        """data M[J, K], W[K, J]
a[J] ~ Normal(0, 1)
for k in K { for j in J { M[j, k] ~ Normal(a[j] * W[k, j], 1) } }""",
        M=square,
        W=_rng.normal(size=(K, J)),
    ),
    case(
        "two loops at once",
        """data M[J, K]
mu[K, J] ~ Normal(0, 1)
for k in K, j in J { M[j, k] ~ Normal(mu[k, j] + j - 2 * k, 1) }""",
        M=square,
    ),
    case(
        "a latent transposed",
        """data M[J, K]
s ~ HalfNormal(1)
for j in J, k in K { z[k, j] ~ Normal(j * 1.5, s) }
M ~ Normal(z, 1)""",
        M=square,
    ),
    case(
        "half of the axes in a loop",
        """data M[J, K], c[J]
b[K] ~ Normal(0, 1)
for j in J { M[j, K] ~ Normal(b * c[j], 1) }""",
        M=square,
        c=[1, 2, 3, 4.0],
    ),
    case(
        "the other half of the axes in a loop",
        """data M[J, K], c[J]
b[K] ~ Normal(0, 1)
for k in K { M[J, k] ~ Normal(b[k] * c, 1) }""",
        M=square,
        c=[1, 2, 3, 4.0],
    ),
    case(
        "multivariate normal by a precision",
        """data x[N, P]
t ~ HalfNormal(1)
x ~ MultivariateNormal(0, precision = t * eye(P) + 0.5)""",
        x=X,
    ),
    case(
        "a learned factor",
        """param S[P, P] in CovCholesky
data x[N, P]
x ~ MultivariateNormal(0, chol = S)""",
        x=X,
    ),
    case(
        "a learned covariance",
        """param S[P, P] in Covariance
data x[N, P]
x ~ MultivariateNormal(0, cov = S)""",
        x=X,
    ),
    case(
        "products of matrices",
        """data X[N, D], y[N], v[D]
b[N] ~ Normal(0, 1)
y ~ Normal(X @ transpose(X) @ b / 10, 1)
v ~ Normal(transpose(X) @ b + b @ X, 1)""",
        X=X,
        y=y,
        v=y[:D],
    ),
    case(
        "a product in a loop",
        """data A[J, K, D], y[J, K]
b[D] ~ Normal(0, 1)
for j in J { y[j] ~ Normal(A[j] @ b, 1) }""",
        A=cube,
        y=square,
    ),
    case(
        "a product of three axes",
        """data A[J, K, D], y[J, K]
b[D] ~ Normal(0, 1)
y ~ Normal(A @ b, 1)""",
        A=cube,
        y=square,
    ),
    case(
        "three axes",
        """data A[J, K, D]
a[J, K] ~ Normal(0, 1)
b[D, K] ~ Normal(0, 1)
c[K, D] ~ Normal(0, 1)
A ~ Normal(a + b + c, 1)""",
        A=cube,
    ),
    case(
        "three axes in loops",
        """data A[J, K, D]
a[J, K] ~ Normal(0, 1)
b[D, K] ~ Normal(0, 1)
for d in D { for j in J { A[j, K, d] ~ Normal(a[j] + b[d], 1) } }""",
        A=cube,
    ),
    case(
        "shares as data",
        """data p[N, K]
a[K] ~ HalfNormal(1)
p ~ Dirichlet(a + 1)""",
        p=_rng.dirichlet([1, 1, 1], size=N),
    ),
    case(
        "weighted vectors",
        """data x[N, P], w[N]
m[P] ~ Normal(0, 1)
x ~ MultivariateNormal(m, cov = eye(P)) weight w""",
        x=X,
        w=np.arange(N) * 0.5,
    ),
]
