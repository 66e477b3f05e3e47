"""Ranges in the odd corners: shifted, nested, cut off, in functions, on the left."""

import numpy as np

from tests.interpreter.models.case import case

RNG = np.random.default_rng(23)
NAN = np.nan


def normal(*shape):
    return RNG.normal(size=shape)


CASES = [
    case(
        "latent fixed size",
        """z[:3] ~ Normal(0,1)
y ~ Normal(z @ [1,2,3],1)""",
        y=1.0,
    ),
    case(
        "two-dim pieces",
        """z[0, K] = [0,0]
z[1:T, K] ~ Normal(0,1)
dim T=3, K=2
y ~ Normal(sum(z),1)""",
        y=1.0,
    ),
    case(
        "triangular latent",
        """dim K=3
for i in K { L[i,i] ~ HalfNormal(1) }
for i in K, j in 0:i { L[i,j] ~ Normal(0,1) }
for i in K, j in i+1:K { L[i,j] = 0 }
y ~ Normal(sum(L),1)""",
        y=1.0,
    ),
    case(
        "stacked prior by part",
        """beta[:2] ~ Normal(0,1)
beta[2:K] ~ Normal(0,10)
dim K=4
y ~ Normal(sum(beta),1)""",
        y=1.0,
    ),
    case(
        "shifted left",
        """data y[T]
s ~ HalfNormal(1)
z[0] ~ Normal(0,1)
for t in 0:T-1 { z[t+1] ~ Normal(z[t],s) }
y ~ Normal(z,1)""",
        y=[1.0, 2, 0.5, -1, 3],
    ),
    case(
        "define shifted left",
        """data y[T]
a ~ Uniform(0,1)
z[0] = 1
for t in 0:T-1 { z[t+1] = a*z[t] }
y ~ Normal(z,1)""",
        y=[1.0, 2, 0.5, -1, 3],
    ),
    case(
        "define shifted scan",
        """data y[T]
a ~ Uniform(0,1)
z[0] = 1
for t in 0:T-1 { z[t+1] = tanh(a*z[t]) }
y ~ Normal(z,1)""",
        y=[1.0, 2, 0.5, -1, 3],
    ),
    case(
        "gather left obs",
        """data g[M] in N, x[M]
z[N] ~ Normal(0,1)
dim N=4
for m in M { x[m] ~ Normal(z[g[m]],1) }""",
        g=[0, 1, 3],
        x=[1, 2, 3.0],
    ),
    case(
        "ar lags matrix",
        """data y[T]
dim P=2
a[P] ~ Normal(0,1)
for t in P:T { y[t] ~ Normal(sum(a[p]*y[t-1-p] for p in P),1) }""",
        y=[1.0, 2, 0.5, -1, 3],
    ),
    case(
        "nested loops reduce",
        """data y[I],n[I]
a[I,J] ~ Normal(0,1)
dim J=3
for i in I { y[i] ~ Normal(sum(a[i,j]*j for j in 0:n[i]),1) }""",
        y=[1, 2.0],
        n=[1, 3],
    ),
    case(
        "double dependent",
        """data y[I]
a[I,I,I] ~ Normal(0,1)
for i in I { y[i] ~ Normal(sum(a[i,j,k] for j in 0:i, k in j:i),1) }""",
        y=[1, 2.0, 3],
    ),
    case(
        "nested sums",
        """data y[I]
a[I] ~ Normal(0,1)
for i in I { y[i] ~ Normal(sum(sum(a[k] for k in 0:j) for j in 0:i),1) }""",
        y=[1, 2.0, 3, 4],
    ),
    case(
        "ragged factor",
        """data n[I], x[I,T]
a ~ Normal(0,1)
for i in I, t in 0:n[i] { factor -(a-x[i,t])^2 }""",
        n=[1, 2],
        x=[[1, 2.0], [3, 4]],
    ),
    case(
        "ragged weight suffix",
        """data n[I], x[I,T], w[I,T]
a ~ HalfNormal(1)
for i in I, t in 0:n[i] { x[i,t] ~ Exponential(a) > 0.1 weight w[i,t] }""",
        n=[1, 2],
        x=[[1, 2.0], [3, 4]],
        w=[[1, 9], [0.5, 0.3]],
    ),
    case(
        "ragged suffix latent bound",
        """data n[I], x[I,T]
a ~ HalfNormal(1)
for i in I, t in 0:n[i] { z[i,t] ~ Normal(0,1) > a
 x[i,t] ~ Normal(z[i,t],1) }""",
        n=[1, 2],
        x=[[1, 2.0], [3, 4]],
    ),
    case(
        "ragged vectors",
        """data n[I], x[I,T,D]
L[D,D] ~ LKJCholesky(2)
for i in I, t in 0:n[i] { x[i,t] ~ MultivariateNormal([0,0], chol=L) }""",
        n=[1, 2],
        x=normal(2, 2, 2),
    ),
    case(
        "ragged latent vectors",
        """data n[I], x[I,T,D]
L[D,D] ~ LKJCholesky(2)
for i in I, t in 0:n[i] { z[i,t,D] ~ MultivariateNormal([0,0], chol=L)
 x[i,t,D] ~ Normal(z[i,t,D],1) }""",
        n=[1, 2],
        x=normal(2, 2, 2),
    ),
    case(
        "ragged latent dirichlet",
        """data n[I], x[I,T]
for i in I, t in 0:n[i] { p[i,t,K] ~ Dirichlet([1,1,1])
 x[i,t] ~ Categorical(p[i,t]) }
dim K=3""",
        n=[1, 2],
        x=[[1, 2], [0, 2]],
    ),
    case(
        "ragged local random",
        """data n[I], x[I,T]
for i in I, t in 0:n[i] { z ~ Normal(0,1)
 x[i,t] ~ Normal(z,1) }""",
        n=[1, 2],
        x=[[1, 2.0], [3, 4]],
    ),
    case(
        "ragged gather",
        """data n[I], g[I,T] in J, x[I,T]
a[J] ~ Normal(0,1)
for i in I, t in 0:n[i] { x[i,t] ~ Normal(a[g[i,t]],1) }""",
        n=[1, 2],
        g=[[0, 0], [1, 2]],
        x=[[1, 2.0], [3, 4]],
    ),
    case(
        "ragged cond",
        """data n[I], x[I,T]
a ~ Normal(0,1)
for i in I, t in 0:n[i] { x[i,t] ~ Normal(if t == 0 then a else a*x[i,t-1],1) }""",
        n=[1, 2],
        x=[[1, 2.0], [3, 4]],
    ),
    case(
        "ragged offset rows",
        """data start[G], stop[G], y[N]
m[G] ~ Normal(0,1)
for g in G, n in start[g]:stop[g] { y[n] ~ Normal(m[g],1) }""",
        start=[0, 2],
        stop=[2, 5],
        y=[1.0, 2, 0.5, -1, 3],
    ),
    case(
        "mask by if",
        """data obs[N], y[N]
m ~ Normal(0,1)
for n in N { y[n] ~ Normal(m,1) weight obs[n] }""",
        obs=[1, 0, 1, 0, 1],
        y=[1.0, 2, 0.5, -1, 3],
    ),
    case(
        "logp ragged sum",
        """data n[I], x[I,T]
a ~ Normal(0,1)
for i in I { factor sum(logp(Normal(a,1), x[i,t]) for t in 0:n[i]) }""",
        n=[1, 2],
        x=[[1, NAN], [3, 4]],
    ),
    case(
        "any all count ragged",
        """data n[I], x[I,T], y[I]
a ~ Normal(0,1)
for i in I {
  some = any(x[i,0:n[i]] > 1) + all(x[i,0:n[i]] > 1)
  y[i] ~ Normal(a*count(x[i,t] > 1 for t in 0:n[i]) + some, 1)
}""",
        n=[1, 2],
        x=[[1, 2.0], [3, 4]],
        y=[1, 2.0],
    ),
    case(
        "var ragged",
        """data n[I], x[I,T], y[I]
a ~ Normal(0,1)
for i in I { y[i] ~ Normal(sd(a*x[i,0:n[i]]),1) }""",
        n=[2, 3],
        x=[[1, 2.0, 5], [3, 4, 7]],
        y=[1, 2.0],
    ),
    case(
        "fn with range",
        """fn total(v, t) = sum(v[s] for s in 0:t)
data y[T]
b[T] ~ Normal(0,1)
for t in T { y[t] ~ Normal(total(b,t),1) }""",
        y=[1.0, 2, 0.5, -1, 3],
    ),
    case(
        "comprehension of sums",
        """data y[T]
b[T] ~ Normal(0,1)
m = [sum(b[s] for s in 0:t) for t in T]
y ~ Normal(m,1)""",
        y=[1.0, 2, 0.5, -1, 3],
    ),
    case(
        "window data only",
        """data x[T], y[T]
a ~ Normal(0,1)
for t in 2:T { y[t] ~ Normal(a*mean(x[t-2:t+1]),1) }""",
        x=[1.0, 2, 0.5, -1, 3],
        y=[1.0, 2, 0.5, -1, 3],
    ),
    case(
        "centered window clipped",
        """data y[T]
b[T] ~ Normal(0,1)
for t in T { y[t] ~ Normal(mean(b[s] for s in max(0,t-1):min(T,t+2)),1) }""",
        y=[1.0, 2, 0.5, -1, 3],
    ),
    case(
        "random range in pieces",
        """data y[T], cp
a,b ~ Normal(0,1)
for t in 0:cp { y[t] ~ Normal(a,1) }
for t in cp:T { y[t] ~ Normal(b,1) }""",
        y=[1.0, 2, 0.5, -1, 3],
        cp=2,
    ),
]
