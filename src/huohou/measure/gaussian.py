"""Scores of texts as normal distributions: mean mu, log-variance logvar of a diagonal covariance.

Each score takes the queries' mu [Q, d] and logvar, then the passages' mu [N, d] and logvar, and
gives [Q, N], higher for more alike, computed in float64. logvar is [., d], [., 1] (one variance for
all d dimensions) or None (a point: variance 0).
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Scores = NDArray[np.float64]
Side = Literal["query", "passage"]


def cosine(mu_q: Array, logvar_q: Array | None, mu_p: Array, logvar_p: Array | None) -> Scores:
    """Cosine of the means; variances are not looked at.

    >>> cosine(np.array([[3.0, 0.0]]), None, np.array([[1.0, 0.0], [0.0, 2.0]]), None).tolist()
    [[1.0, 0.0]]
    """
    return _unit(mu_q) @ _unit(mu_p).T


def csd(mu_q: Array, logvar_q: Array | None, mu_p: Array, logvar_p: Array | None) -> Scores:
    """Minus the closed-form sampled distance (Chun, PCME++, arXiv 2305.18171).

    The mean squared distance of two draws: |mu_q - mu_p|^2 + sum var_q + sum var_p.

    >>> csd(np.array([[1.0, 0.0]]), None, np.array([[0.0, 1.0]]), np.log([[0.5]])).round(6).tolist()
    [[-3.0]]
    """
    spread = _total(mu_q, logvar_q)[:, None] + _total(mu_p, logvar_p)
    return -(_squared(_wide(mu_q), _wide(mu_p)) + spread)


def wasserstein2(
    mu_q: Array, logvar_q: Array | None, mu_p: Array, logvar_p: Array | None
) -> Scores:
    """Minus the squared Wasserstein-2 distance: |mu_q - mu_p|^2 + |sd_q - sd_p|^2.

    Olkin & Pukelsheim, Linear Algebra and its Applications 48 (1982), for diagonal covariances.

    >>> wasserstein2(np.array([[1.0]]), np.log([[4.0]]), np.array([[1.0]]), None).tolist()
    [[-4.0]]
    """
    sd = _squared(np.sqrt(_variance(mu_q, logvar_q)), np.sqrt(_variance(mu_p, logvar_p)))
    return -(_squared(_wide(mu_q), _wide(mu_p)) + sd)


def mutual_likelihood(
    mu_q: Array, logvar_q: Array | None, mu_p: Array, logvar_p: Array | None
) -> Scores:
    """Log-likelihood that both are one text: -1/2 sum [(mu_q - mu_p)^2 / v + ln v].

    v = var_q + var_p. Shi & Jain, arXiv 1904.09658, equation 3, without its constant. ValueError
    where both are points: their likelihood has no bound.

    >>> half = np.log([[0.5]])
    >>> mutual_likelihood(np.array([[1.0]]), half, np.array([[3.0]]), half).tolist()
    [[-2.0]]
    """
    if logvar_q is None and logvar_p is None:
        raise ValueError("the mutual likelihood score needs a variance")
    wide_p, var_p = _wide(mu_p), _variance(mu_p, logvar_p)
    found = np.empty((len(mu_q), len(mu_p)))
    for i, (mu, own) in enumerate(zip(_wide(mu_q), _variance(mu_q, logvar_q), strict=True)):
        both = own + var_p
        found[i] = -0.5 * ((mu - wide_p) ** 2 / both + np.log(both)).sum(1)
    return found


SCORES: dict[str, Callable[[Array, Array | None, Array, Array | None], Scores]] = {
    "cosine": cosine,
    "csd": csd,
    "w2": wasserstein2,
    "mls": mutual_likelihood,
}
SEARCHABLE = ("cosine", "csd", "w2")


def csd_vectors(mu: Array, logvar: Array | None, side: Side) -> Scores:
    """[N, d + 1] vectors whose inner product ranks a query's passages exactly as ``csd`` does.

    Query (mu, 1), passage (mu, -(|mu|^2 + sum var) / 2): the product is (csd + |mu_q|^2 +
    sum var_q) / 2, and what is added is the same for all passages of a query. So a query's variance
    never changes its ranking, and a passage's is a learnt prior against it.

    >>> q = csd_vectors(np.array([[1.0, 0.0]]), None, "query")
    >>> p = csd_vectors(np.array([[1.0, 0.0], [0.0, 1.0]]), np.log([[1.0], [0.5]]), "passage")
    >>> (q @ p.T).round(6).tolist()
    [[-0.5, -1.0]]
    """
    wide = _wide(mu)
    if side == "query":
        return np.column_stack([wide, np.ones(len(wide))])
    return np.column_stack([wide, -0.5 * ((wide**2).sum(1) + _total(mu, logvar))])


def search_vectors(score: str, mu: Array, logvar: Array | None, side: Side) -> Scores:
    """Vectors whose inner product ranks a query's passages as a score does: one of SEARCHABLE.

    ``w2`` is the distance of the points (mu, sd). ValueError for a score that no product gives
    (``mls``): rank the first by another and reorder them.
    """
    if score == "cosine":
        return _unit(mu)
    if score == "csd":
        return csd_vectors(mu, logvar, side)
    if score == "w2":
        both = np.column_stack([_wide(mu), np.sqrt(_variance(mu, logvar))])
        return csd_vectors(both, None, side)
    raise ValueError(f"{score} is no inner product; {', '.join(SEARCHABLE)} are")


def _wide(mu: Array) -> Scores:
    return np.asarray(mu, dtype=np.float64)


def _unit(mu: Array) -> Scores:
    wide = _wide(mu)
    found: Scores = wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)
    return found


def _variance(mu: Array, logvar: Array | None) -> Scores:
    """[N, d]."""
    if logvar is None:
        return np.zeros(np.shape(mu))
    return np.broadcast_to(np.exp(_wide(logvar)), np.shape(mu))


def _total(mu: Array, logvar: Array | None) -> Scores:
    found: Scores = _variance(mu, logvar).sum(1)
    return found


def _squared(a: Scores, b: Scores) -> Scores:
    """|a_i - b_j|^2; never below 0 by rounding."""
    whole: Scores = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return np.maximum(whole, 0.0)
