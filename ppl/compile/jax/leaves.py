"""What our primitives are in JAX: keyed by the NumPy function inside each.

Only what NumPy does by other means than JAX stands here: loops, in-place work, LAPACK. JAX
differentiates these itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg as jsl
import jax.scipy.special as jsp
import numpy as np
from scipy import special as sp

from ppl.compile.jax.hosted import NotOnJax, on_host
from ppl.constraints import vectors as sets_of_vectors
from ppl.primitives import (
    arithmetic,
    chains,
    curves,
    gathers,
    gaussian,
    graphs,
    lags,
    matrices,
    ode,
    recurrence,
    scans,
    special,
    sums,
    triangular,
    vectors,
)

FRACTION = 60
"""Terms of the continued fraction of `_erfcx`."""


def leaves(retarget: Callable[[Any], Any]) -> dict[Any, Callable[..., Any]]:
    """Return the table; `retarget` takes the step of a scan over."""

    def scan(parts: tuple[Any, ...], *arrays: Any) -> tuple[Any, ...]:
        return _scan(retarget(parts[0]), parts, *arrays)

    def odeint(*args: Any) -> Any:
        raise NotOnJax("ode")

    return {**_PLAIN, _inside(scans._scan): scan, _inside(ode._odeint): odeint}


def _gather(x: Any, index: Any, axis: int = -1) -> Any:
    return jnp.take(x, index, axis, mode="clip")


def _segment_sum(g: Any, index: Any, axis: int, size: int) -> Any:
    index = jnp.asarray(index)
    moved = jnp.reshape(g, (*g.shape[:axis], index.size, *g.shape[axis + index.ndim :]))
    summed = jax.ops.segment_sum(jnp.moveaxis(moved, axis, 0), index.ravel(), size)
    return jnp.moveaxis(summed, 0, axis)


def _pick(p: Any, x: Any) -> Any:
    index = jnp.asarray(x).astype(int)
    if p.ndim == 1:
        return jnp.take(p, index, mode="clip")
    shape = jnp.broadcast_shapes(p.shape[:-1], index.shape)
    whole = jnp.broadcast_to(p, (*shape, p.shape[-1]))
    place = jnp.broadcast_to(index, shape)[..., None]
    return jnp.take_along_axis(whole, place, -1, mode="clip")[..., 0]


def _logsumexp_over(x: Any, axis: Any = -1) -> Any:
    return jsp.logsumexp(x, axis=axis)


def _log_normaliser(y: Any) -> Any:
    return jsp.logsumexp(y, axis=-1, keepdims=True)


def _log_to_edge(x: Any) -> Any:
    """Return log x, with gradient 0 where x is 0."""
    return jnp.where(x == 0, -jnp.inf, jnp.log(jnp.where(x == 0, 1.0, x)))


def _xlogy(x: Any, y: Any) -> Any:
    return jnp.where(x == 0, 0.0, x * _log_to_edge(jnp.where(x == 0, 1.0, y)))


def _xlog1py(x: Any, y: Any) -> Any:
    inside = jnp.where((x == 0) | (y == -1), 0.0, y)
    return jnp.where(x == 0, 0.0, x * jnp.where(y == -1, -jnp.inf, jnp.log1p(inside)))


@jax.custom_jvp
def _erfcx(x: Any) -> Any:
    """Return ``exp(x²) erfc x``: from 3 on by Laplace's continued fraction, exact to round-off."""
    near, far = jnp.minimum(x, 3.0), jnp.maximum(x, 3.0)
    fraction = far
    for k in range(FRACTION, 0, -1):
        fraction = far + 0.5 * k / fraction
    direct = jnp.exp(jnp.square(near)) * jsp.erfc(near)
    return jnp.where(x < 3.0, direct, 1.0 / (np.sqrt(np.pi) * fraction))


@_erfcx.defjvp
def _erfcx_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    value = _erfcx(x)
    return value, (2.0 * x * value - 2.0 / np.sqrt(np.pi)) * dx


@jax.custom_jvp
def _log_ndtr(x: Any) -> Any:
    """Return the log of the normal cdf; JAX's own is accurate to 1e-8 only in the far tail."""
    scaled = x * np.sqrt(0.5)
    tail = jnp.log(0.5 * _erfcx(-jnp.minimum(scaled, 0.0))) - jnp.square(scaled)
    return jnp.where(x < -1.0, tail, jnp.log1p(-0.5 * jsp.erfc(jnp.maximum(scaled, -1.0))))


@_log_ndtr.defjvp
def _log_ndtr_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    return _log_ndtr(x), np.sqrt(2.0 / np.pi) / _erfcx(-x * np.sqrt(0.5)) * dx


def _log1m_exp(x: Any) -> Any:
    """Return ``log(1 - exp x)`` for negative x."""
    near = x > -np.log(2.0)
    return jnp.where(
        near,
        jnp.log(-jnp.expm1(jnp.where(near, x, -1.0))),
        jnp.log1p(-jnp.exp(jnp.where(near, -1.0, x))),
    )


def _student_cdf(nu: Any, x: Any) -> Any:
    tail = 0.5 * jsp.betainc(0.5 * nu, 0.5, nu / (nu + jnp.square(x)))
    return jnp.where(x < 0, tail, 1.0 - tail)


def _cholesky(x: Any) -> Any:
    return jnp.linalg.cholesky(x)


def _solve_lower(x: Any, b: Any, transposed: bool = False) -> Any:
    shape = jnp.broadcast_shapes(x.shape[:-2], b.shape[:-2])
    left = jnp.broadcast_to(x, (*shape, *x.shape[-2:]))
    right = jnp.broadcast_to(b, (*shape, *b.shape[-2:]))
    return jsl.solve_triangular(left, right, lower=True, trans=1 if transposed else 0)


def _inverse_lower(x: Any) -> Any:
    return _solve_lower(x, jnp.broadcast_to(jnp.eye(x.shape[-1]), x.shape))


def _normal_of_covariance(away: Any, covariance: Any) -> Any:
    factor = jnp.linalg.cholesky(covariance)
    shape = jnp.broadcast_shapes(away.shape[:-1], covariance.shape[:-2])
    white = _solve_lower(factor, jnp.broadcast_to(away, (*shape, away.shape[-1]))[..., None])
    log_scale = jnp.sum(jnp.log(jnp.diagonal(factor, axis1=-2, axis2=-1)), axis=-1)
    squared = jnp.sum(jnp.square(white), axis=(-1, -2))
    return -0.5 * squared - log_scale - gaussian.HALF_LOG_2PI * away.shape[-1]


def _diagonal_matrix(v: Any) -> Any:
    return v[..., None] * jnp.eye(v.shape[-1])


def _increments(x: Any) -> Any:
    return jnp.diff(x, axis=-1, prepend=0.0)


def _lagged(x: Any, c: Any) -> Any:
    length = x.shape[-1]
    shape = jnp.broadcast_shapes(x.shape[:-1], c.shape[:-1])
    total = jnp.zeros((*shape, length))
    for k in range(min(c.shape[-1], length - 1)):
        total = total.at[..., k + 1 :].add(c[..., k : k + 1] * x[..., : length - 1 - k])
    return total


def _convolve(a: Any, b: Any) -> Any:
    """Convolve along the last axis: one shifted sum for each entry of the shorter."""
    if a.shape[-1] < b.shape[-1]:
        a, b = b, a
    n, m = a.shape[-1], b.shape[-1]
    shape = jnp.broadcast_shapes(a.shape[:-1], b.shape[:-1])
    total = jnp.zeros((*shape, n + m - 1))
    for k in range(m):
        total = total.at[..., k : k + n].add(a * b[..., k : k + 1])
    return total


def _read_end(x: Any, edges: Any, end: int) -> Any:
    places = jnp.asarray(edges)[..., end].astype(int)
    shape = jnp.broadcast_shapes(x.shape[:-1], places.shape[:-1])
    whole = jnp.broadcast_to(x, (*shape, x.shape[-1]))
    at = jnp.broadcast_to(places, (*shape, places.shape[-1]))
    return jnp.take_along_axis(whole, at, -1, mode="clip")


def _log_tree_count(edges: Any) -> Any:
    """Ask the host: the graph is data."""
    shape = np.shape(edges)[:-2]
    return on_host(lambda pairs: (graphs._log_tree_count(pairs),), (shape,), edges)[0]


def _recurrence(u: Any, b: Any, start: Any) -> Any:
    """Run a linear recurrence as a parallel scan of affine maps."""
    start = jnp.asarray(start)
    shape = jnp.broadcast_shapes(u.shape[:-1], jnp.shape(b)[:-1], start.shape)
    length = u.shape[-1]
    u = jnp.broadcast_to(u, (*shape, length))
    b = jnp.broadcast_to(b, (*shape, length))
    u = u.at[..., 0].add(b[..., 0] * start)

    def after(first: Any, second: Any) -> Any:
        return second[0] * first[0], second[0] * first[1] + second[1]

    return jax.lax.associative_scan(after, (b, u), axis=-1)[1]


def _scan(step: Any, parts: tuple[Any, ...], *arrays: Any) -> tuple[Any, ...]:
    """Run a scan; every carry of it, (draws, times, ...)."""
    _, _, length, carries, inputs = parts
    draws = max(a.shape[0] for a in arrays)
    start = tuple(
        jnp.broadcast_to(a, (draws, *a.shape[1:])).astype(float) for a in arrays[:carries]
    )
    given = tuple(jnp.moveaxis(a, 1, 0) for a in arrays[carries : carries + inputs])
    constants = arrays[carries + inputs :]

    def advance(carry: Any, now: Any) -> Any:
        after = step(carry, now, constants)
        whole = tuple(
            jnp.broadcast_to(a, c.shape).astype(float) for a, c in zip(after, carry, strict=True)
        )
        return whole, whole

    _, kept = jax.lax.scan(advance, start, given, length=length)
    return tuple(jnp.moveaxis(k, 0, 1) for k in kept)


def _sum_over_paths(unary: Any, pair: Any) -> Any:
    """Return the log sum over paths: the forward pass, scaled at every step."""
    length = unary.shape[2]
    states, scales = _scaled(jnp.moveaxis(unary, 2, 0), (-1,))
    steps, moves = _scaled(jnp.moveaxis(pair, 2, 0), (-2, -1))
    shared = pair.shape[2] == 1
    if length > 1 and shared:
        moves = moves * (length - 1)

    def advance(carry: Any, now: Any) -> Any:
        message, total = carry
        state, step = now if not shared else (now, steps[0])
        after = jnp.einsum("sci,scij->scj", message, step) * state
        norm = jnp.sum(after, axis=-1)
        safe = jnp.where(norm > 0, norm, 1.0)
        return (after / safe[..., None], total + jnp.where(norm > 0, jnp.log(safe), -jnp.inf)), None

    shape = jnp.broadcast_shapes(states.shape[1:3], steps.shape[1:3])
    steps = jnp.broadcast_to(steps, (steps.shape[0], *shape, *steps.shape[3:]))
    first = jnp.sum(states[0], axis=-1)
    begin = (states[0] / first[..., None], jnp.log(first))
    inputs = states[1:] if shared else (states[1:], steps)
    (_, total), _ = jax.lax.scan(advance, begin, inputs)
    return total + jnp.sum(scales, axis=0) + (jnp.sum(moves, axis=0) if length > 1 else 0.0)


def _scaled(log_potential: Any, axes: tuple[int, ...]) -> Any:
    top = jax.lax.stop_gradient(jnp.max(log_potential, axis=axes, keepdims=True))
    top = jnp.where(jnp.isfinite(top), top, 0.0)
    return jnp.exp(log_potential - top), jnp.squeeze(top, axes)


def _prefix_sums(x: Any) -> Any:
    return jnp.concatenate([jnp.zeros_like(x[..., :1]), jnp.cumsum(x, axis=-1)], axis=-1)


def _window_sums(x: Any, window: Any) -> Any:
    """Sum within blocks of the window's width, from both of their ends."""
    size, width = x.shape[-1], window.shape[-1]
    count, blocks = size - width + 1, -(-size // width)
    rest = [(0, 0)] * (x.ndim - 1)
    padded = jnp.pad(x, [*rest, (0, blocks * width - size)])
    parts = padded.reshape((*padded.shape[:-1], blocks, width))
    begun = jnp.cumsum(parts, axis=-1).reshape(padded.shape)
    ended = jnp.cumsum(parts[..., ::-1], axis=-1)[..., ::-1].reshape(padded.shape)
    later = begun[..., width - 1 : width - 1 + count]
    return ended[..., :count] + jnp.where(jnp.arange(count) % width == 0, 0.0, later)


def _inside(primitive: Any) -> Any:
    """Return the NumPy function that an autograd primitive wraps."""
    return primitive.fun


_PLAIN: dict[Any, Callable[..., Any]] = {
    _inside(arithmetic.where): jnp.where,
    np.where: jnp.where,
    _inside(gathers.gather): _gather,
    _inside(gathers.segment_sum): _segment_sum,
    _inside(gathers.pick): _pick,
    _inside(vectors.logsumexp_over): _logsumexp_over,
    _inside(vectors._softmax): lambda x: jax.nn.softmax(x, axis=-1),
    _inside(vectors._log_softmax): lambda x: jax.nn.log_softmax(x, axis=-1),
    _inside(vectors.cumulative_sum): lambda x: jnp.cumsum(x, axis=-1),
    _inside(sums._prefix_sums): _prefix_sums,
    _inside(sums._suffix_sums): lambda x: _prefix_sums(x[..., ::-1])[..., ::-1],
    _inside(sums._window_sums): _window_sums,
    _inside(vectors.cumulative_product): lambda x: jnp.cumprod(x, axis=-1),
    _inside(vectors._sort): lambda x: jnp.sort(x, axis=-1),
    _inside(sets_of_vectors._log_normaliser): _log_normaliser,
    _inside(special._log_to_edge_primitive): _log_to_edge,
    sp.xlogy: _xlogy,
    sp.xlog1py: _xlog1py,
    sp.log_expit: jax.nn.log_sigmoid,
    sp.erfcx: _erfcx,
    sp.log_ndtr: _log_ndtr,
    sp.stdtr: _student_cdf,
    _inside(special._log1m_exp_primitive): _log1m_exp,
    _inside(gaussian._of_one): _normal_of_covariance,
    _inside(matrices.cholesky_factor): _cholesky,
    _inside(matrices.inverse_matrix): jnp.linalg.inv,
    _inside(matrices.log_absolute_determinant): lambda x: jnp.linalg.slogdet(x)[1],
    _inside(matrices._solve_columns): jnp.linalg.solve,
    _inside(matrices.diagonal): lambda x: jnp.diagonal(x, axis1=-2, axis2=-1),
    _inside(matrices.diagonal_matrix): _diagonal_matrix,
    _inside(triangular.solve_lower): _solve_lower,
    _inside(triangular.inverse_lower): _inverse_lower,
    _inside(lags._increments): _increments,
    _inside(lags._lagged): _lagged,
    _inside(curves._convolve): _convolve,
    _inside(graphs.read_end): _read_end,
    _inside(graphs._log_tree_count): _log_tree_count,
    _inside(recurrence._recurrence): _recurrence,
    _inside(chains.sum_over_paths): _sum_over_paths,
}
