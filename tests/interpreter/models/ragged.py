"""Ranges whose bounds use other indices or data."""

import numpy as np

from tests.interpreter.models.case import case

RNG = np.random.default_rng(17)
NAN = np.nan


def normal(*shape):
    return RNG.normal(size=shape)


CASES = [
    case(
        "ragged observations",
        """data y[I,T], first[I], last[I]
m[I] ~ Normal(0,1)
for i in I, t in first[i]:last[i] { y[i,t] ~ Normal(m[i],1) }""",
        y=normal(3, 5),
        first=[0, 2, 1],
        last=[3, 5, 1],
    ),
    case(
        "padded with missing values",
        """data y[I,T], n[I]
m[I] ~ Normal(0,1)
for i in I, t in 0:n[i] { y[i,t] ~ Normal(m[i],1) }""",
        y=[[1, 2, NAN], [0.5, NAN, NAN], [1, 2, 3]],
        n=[2, 1, 3],
    ),
    case(
        "triangle",
        """data d[N,N]
x[N] ~ Normal(0,1)
for i in N, j in 0:i { d[i,j] ~ Normal(x[i]-x[j],1) }""",
        d=normal(4, 4),
    ),
    case(
        "triangle up",
        """data d[N,N]
x[N] ~ Normal(0,1)
for i in N, j in i+1:N { d[i,j] ~ Normal(x[i]-x[j],1) }""",
        d=normal(4, 4),
    ),
    case(
        "ragged latent",
        """data y[I,T], n[I]
s ~ HalfNormal(1)
for i in I, t in 0:n[i] { z[i,t] ~ Normal(0,s)
y[i,t] ~ Normal(z[i,t],1) }""",
        y=normal(3, 4),
        n=[2, 0, 4],
    ),
    case(
        "ragged latent slice",
        """data y[I,T], n[I]
for i in I { z[i,0:n[i]] ~ Exponential(1)
y[i,0:n[i]] ~ Normal(z[i,0:n[i]],1) }""",
        y=normal(3, 4),
        n=[2, 0, 4],
    ),
    case(
        "ragged walk",
        """data y[I,T], n[I]
for i in I { z[i,0] ~ Normal(0,1) }
for i in I, t in 1:n[i] { z[i,t] ~ Normal(0.5*z[i,t-1],1) }
for i in I, t in 0:n[i] { y[i,t] ~ Normal(z[i,t],1) }""",
        y=normal(3, 4),
        n=[2, 1, 4],
    ),
    case(
        "cumulative",
        """data y[T]
b[T] ~ Normal(0,1)
for t in T { y[t] ~ Normal(sum(b[s] for s in 0:t),1) }""",
        y=normal(5),
    ),
    case(
        "suffix",
        """data y[T]
b[T] ~ Normal(0,1)
for t in T { y[t] ~ Normal(sum(b[s]^2 for s in t:T),1) }""",
        y=normal(5),
    ),
    case(
        "window",
        """data y[T]
b[T] ~ Normal(0,1)
for t in 2:T { y[t] ~ Normal(sum(b[t-2:t]),1) }
""",
        y=normal(7),
    ),
    case(
        "window mean",
        """data y[T]
b[T] ~ Normal(0,1)
for t in 2:T { y[t] ~ Normal(mean(exp(b[t-2:t+1])),1) }
""",
        y=normal(7),
    ),
    case(
        "data bounds",
        """data y[N], lo[N], hi[N], x[K]
b ~ Normal(0,1)
for n in N { y[n] ~ Normal(sum(exp(b*x[k]) for k in lo[n]:hi[n]),1) }""",
        y=normal(4),
        lo=[0, 1, 2, 3],
        hi=[2, 5, 1, 4],
        x=normal(6),
    ),
    case(
        "masked",
        """data y[T]
b ~ Normal(0,1)
for t in T { y[t] ~ Normal(sum(exp(-b*(t-s)) * y[s] for s in 0:t),1) }""",
        y=normal(5),
    ),
    case(
        "max prod",
        """data y[T]
b[T] ~ Normal(0,1)
for t in 1:T {
  y[t] ~ Normal(max(b[s] for s in 0:t) + prod(b[0:t]) + logsumexp(b[0:t]) + min(b[t:T]), 1)
}""",
        y=normal(5),
    ),
    case(
        "mean ragged nan",
        """data x[I,T], n[I], y[I]
b ~ Normal(0,1)
for i in I { y[i] ~ Normal(mean(b*x[i,t] for t in 0:n[i]),1) }""",
        x=[[1, 2, NAN], [0.5, NAN, NAN], [1, 2, 3]],
        n=[2, 1, 3],
        y=[1, 2, 3.0],
    ),
    case(
        "j,s cumulative",
        """data y[J,T]
b ~ Normal(0,1)
for j in J, t in 1:T { y[j,t] ~ Normal(b*sum(y[j,s] for s in 0:t),1) }""",
        y=normal(2, 5),
    ),
    case(
        "double",
        """data n[I], w
b ~ Normal(0,1)
w ~ Normal(sum(exp(b*s) for i in I, s in 0:n[i]),1)""",
        n=[2, 0, 3],
        w=2.0,
    ),
    case(
        "locals",
        """data y[I,T], n[I]
a ~ Normal(0,1)
for i in I, t in 0:n[i] { m = a*t
q = a*i
y[i,t] ~ Normal(m+q,1) }""",
        y=normal(3, 4),
        n=[2, 0, 4],
    ),
    case(
        "define ragged",
        """data y[I,T], n[I]
a ~ Normal(0,1)
for i in I, t in 0:n[i] { m[i,t] = a*t }
for i in I, t in 0:n[i] { y[i,t] ~ Normal(m[i,t],1) }""",
        y=normal(3, 4),
        n=[2, 0, 4],
    ),
    case(
        "data scalar range",
        """data y[T], first
a ~ Normal(0,1)
for t in first:T { z[t] ~ Normal(a,1)
y[t] ~ Normal(z[t],1) }""",
        y=normal(5),
        first=2,
    ),
    case(
        "start at first",
        """data y[I,T], first[I]
s ~ HalfNormal(1)
for i in I { z[i,first[i]] ~ Normal(0,1) }
for i in I, t in first[i]+1:T { z[i,t] ~ Normal(z[i,t-1],s) }
for i in I, t in first[i]:T { y[i,t] ~ Normal(z[i,t],1) }""",
        y=normal(3, 4),
        first=[2, 0, 3],
    ),
    case(
        "defined bounds",
        """data y[I,T], obs[I,T]
m ~ Normal(0,1)
n = [sum(obs[i,t] for t in T) for i in I]
for i in I, t in 0:n[i] { y[i,t] ~ Normal(m,1) }""",
        y=normal(2, 3),
        obs=[[1, 1, 0], [0, 1, 0]],
    ),
    case(
        "cjs",
        """data y[I,T], first[I]
phi, p ~ Beta(2,2)
for i in I { z[i,first[i]] ~ Bernoulli(0.999) }
for i in I, t in first[i]+1:T { z[i,t] ~ Bernoulli(phi*z[i,t-1])
y[i,t] ~ Bernoulli(p*z[i,t]) }""",
        y=[[1, 0, 1], [0, 1, 0], [0, 0, 1]],
        first=[0, 1, 2],
    ),
    case(
        "backward",
        """data x[T],y[T]
a ~ Uniform(0,1)
z[T-1] = 1
for t in 0:T-1 { z[t] = a*z[t+1] + x[t] }
y ~ Normal(z,1)""",
        y=[1.0, 2, 0.5, -1, 3],
        x=[1.0, 2, 0.5, -1, 3],
    ),
    case(
        "backward general",
        """data x[T],y[T]
a ~ Uniform(0,1)
z[T-1] = 1
for t in 0:T-1 { z[t] = tanh(a*z[t+1]) + x[t] }
y ~ Normal(z,1)""",
        y=[1.0, 2, 0.5, -1, 3],
        x=[1.0, 2, 0.5, -1, 3],
    ),
    case(
        "backward latent",
        """data y[T]
s ~ HalfNormal(1)
z[T-1] ~ Normal(0,1)
for t in 0:T-1 { z[t] ~ Normal(z[t+1],s) }
y ~ Normal(z,1)""",
        y=[1.0, 2, 0.5, -1, 3],
    ),
    case(
        "ring local shift",
        """data y[T]
a ~ Uniform(0,1)
u[0]=0
v[0]=0
for t in 1:T { u[t] = a*v[t-1]
 v[t] = u[t] + y[t-1] }
y ~ Normal(v,1)""",
        y=[1.0, 2, 0.5, -1, 3],
    ),
    case(
        "recurrence sum window",
        """data y[T]
a ~ Uniform(0,1)
u[0]=0
u[1]=1
for t in 2:T { u[t] = a*sum(u[t-2:t]) }
y ~ Normal(u,1)""",
        y=[1.0, 2, 0.5, -1, 3],
    ),
    case(
        "latent sum window",
        """data y[T]
s ~ HalfNormal(1)
z[0:2] ~ Normal(0,1)
for t in 2:T { z[t] ~ Normal(sum(z[t-2:t])/2,s) }
y ~ Normal(z,1)""",
        y=[1.0, 2, 0.5, -1, 3],
    ),
    case(
        "renewal window",
        """data y[T], w[K]
R ~ HalfNormal(1)
u[0:2]=[1,1]
for t in 2:T { u[t] = R*sum(u[t-1-k]*w[k] for k in K) }
y ~ Normal(u,1)""",
        y=[1.0, 2, 0.5, -1, 3],
        w=[0.5, 0.5],
    ),
    case(
        "ragged recurrence",
        """data y[I,T], n[I]
a ~ Uniform(0,1)
for i in I { u[i,0] = 1 }
for i in I, t in 1:n[i] { u[i,t] = a*u[i,t-1] + 0.1 }
for i in I, t in 0:n[i] { y[i,t] ~ Normal(u[i,t],1) }""",
        y=normal(3, 4),
        n=[2, 1, 4],
    ),
    case(
        "ragged recurrence first",
        """data y[I,T], f[I]
a ~ Uniform(0,1)
for i in I { u[i,f[i]] = 1 }
for i in I, t in f[i]+1:T { u[i,t] = tanh(a*u[i,t-1]) + 0.1 }
for i in I, t in f[i]:T { y[i,t] ~ Normal(u[i,t],1) }""",
        y=normal(3, 4),
        f=[2, 1, 3],
    ),
    case(
        "q learning",
        """data r[I,T], y[I,T], n[I]
alpha ~ Beta(2,2)
beta ~ HalfNormal(2)
for i in I { q[i,0] = 0 }
for i in I, t in 1:n[i] { q[i,t] = q[i,t-1] + alpha*(r[i,t-1]-q[i,t-1]) }
for i in I, t in 0:n[i] { y[i,t] ~ Bernoulli(logit = beta*q[i,t]) }""",
        r=[[1, 0, 1, NAN], [0, 1, NAN, NAN], [1, 1, 0, 1]],
        y=[[1, 0, 1, NAN], [0, 1, NAN, NAN], [1, 1, 0, 1]],
        n=[3, 2, 4],
    ),
    case(
        "ragged two",
        """data y[I,T], n[I]
a ~ Beta(2,2)
for i in I { u[i,0] = 1
 v[i,0] = 0 }
for i in I, t in 1:n[i] { u[i,t] = a*v[i,t-1]+0.3
 v[i,t] = log(1+u[i,t]^2) + u[i,t-1] }
for i in I, t in 0:n[i] { y[i,t] ~ Normal(v[i,t],1) }""",
        y=normal(3, 4),
        n=[2, 1, 4],
    ),
    case(
        "m through define",
        """data y[T]
s ~ HalfNormal(1)
a ~ Normal(0,1)
z[0] ~ Normal(0,1)
for t in 1:T { m[t] = a*z[t-1]
 z[t] ~ Normal(m[t],s) }
y ~ Normal(z,1)""",
        y=[1.0, 2, 0.5, -1, 3],
    ),
    case(
        "ragged mixture",
        """data y[I,T],n[I]
m[K] ~ Normal(0,1)
dim K=2
for i in I, t in 0:n[i] { z[i,t] ~ Categorical([0.3,0.7])
 y[i,t] ~ Normal(m[z[i,t]],1) }""",
        y=normal(2, 3),
        n=[1, 2],
    ),
    case(
        "ragged hmm",
        """data y[I,T],n[I]
m[K] ~ Normal(0,1)
A[K,K] ~ Dirichlet(1)
dim K=2
for i in I { z[i,0] ~ Categorical([0.3,0.7]) }
for i in I, t in 1:n[i] { z[i,t] ~ Categorical(A[z[i,t-1]]) }
for i in I, t in 0:n[i] { y[i,t] ~ Normal(m[z[i,t]],1) }""",
        y=normal(2, 3),
        n=[1, 3],
    ),
    case(
        "a missing value in a ragged loop",
        """data y[I, T], n[I]
m ~ Normal(0, 1)
for i in I, t in 0:n[i] { y[i, t] ~ Normal(m, 1) }""",
        y=[[1, NAN, NAN], [2, 3, NAN]],
        n=[2, 2],
    ),
    case(
        "a missing value that others in a ragged loop depend on",
        """data y[I, T], n[I]
a ~ Normal(0, 1)
for i in I { y[i, 0] ~ Normal(0, 1) }
for i in I, t in 1:n[i] { y[i, t] ~ Normal(a * y[i, t - 1], 1) }""",
        y=[[1, NAN, 2], [2, 3, NAN]],
        n=[3, 2],
    ),
    case(
        "a missing value in a window",
        """data y[T]
a ~ Normal(0, 1)
y[0:2] ~ Normal(0, 1)
for t in 2:T { y[t] ~ Normal(a * sum(y[t - 2:t]), 1) }""",
        y=[1, 2, NAN, 3, 4.0],
    ),
]
