"""How far a compressed network's outputs are from the original's, without labels."""

from collections.abc import Sequence

import numpy as np

TINY = np.finfo(np.float64).tiny
STEADY = 1e-8  # of the power: what rounding of float32 makes of a number that is always the same


def probabilities(scores: np.ndarray) -> np.ndarray:
    """Return class probabilities (samples, classes): softmax of logits; outputs that are probabilities stay."""
    scores = scores.reshape(len(scores), -1).astype(np.float64)
    if scores.min(initial=0) >= 0 and np.allclose(scores.sum(axis=1), 1, atol=1e-3):
        return scores
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def predicted_drop(original: np.ndarray, compressed: np.ndarray) -> np.ndarray:
    """Return per sample what top-1 accuracy is expected to fall: p(its top class) - p(the compressed one's top class).

    p is the original's softmax; scores (samples, classes). Zero where both agree, never negative; NaN is no answer.
    """
    p = probabilities(original)
    answers = compressed.reshape(len(p), -1)
    of_answer = p[np.arange(len(p)), answers.argmax(axis=1)]
    return p.max(axis=1) - np.where(np.isnan(answers).any(axis=1), 0, of_answer)


def unexplained(original: np.ndarray, compressed: np.ndarray) -> np.ndarray:
    """Return per sample what R2 is expected to fall: the squared error over the variance, mean over a sample's numbers.

    Were the original's answers right but for noise that has nothing to do with the error, its R2 would fall by no more
    than the mean of this. A number that hardly varies explains nothing, and is left out. Outputs (samples, numbers).
    """
    z = original.reshape(len(original), -1).astype(np.float64)
    variance, power = z.var(axis=0), np.square(z).mean(axis=0)
    varies = variance > STEADY * power
    if not varies.any():
        return np.zeros(len(z))
    with np.errstate(invalid="ignore"):
        error = np.square(z - compressed.reshape(z.shape))[:, varies] / variance[varies]
    return np.where(np.isnan(error), np.inf, error).mean(axis=1)


def agreement(original: np.ndarray, compressed: np.ndarray) -> np.ndarray:
    """Return per sample 1.0 where both networks name the same class, else 0.0."""
    flat = [scores.reshape(len(scores), -1) for scores in (original, compressed)]
    broken = np.isnan(flat[0]).any(axis=1) | np.isnan(flat[1]).any(axis=1)
    return ((flat[0].argmax(axis=1) == flat[1].argmax(axis=1)) & ~broken).astype(np.float64)


def divergence(original: np.ndarray, compressed: np.ndarray) -> float:
    """Return the mean Kullback-Leibler divergence KL(original || compressed) of the class probabilities, in nats."""
    p, q = probabilities(original), probabilities(compressed)
    return float(np.mean(np.sum(p * (np.log(np.maximum(p, TINY)) - np.log(np.maximum(q, TINY))), axis=1)))


def relative_error(original: Sequence[np.ndarray], compressed: Sequence[np.ndarray]) -> float:
    """Return the relative output error in percent, 100 ||z - z'|| / ||z|| over all samples; of the worst output."""
    return max(error_bound(z, changed, errors=0.0) for z, changed in zip(original, compressed, strict=True))


def mean_difference(original: np.ndarray, compressed: np.ndarray) -> float:
    """Return E_c of Ge et al. 2017: the mean over the samples of ||z - z'|| / ||z||, of scores before any softmax.

    A sample whose scores are all zero counts 0 if they still are, else the result is infinite, as it is for NaN and
    where the number of rows depends on the data and is another one.
    """
    if original.shape != compressed.shape:
        return float("inf")
    z, changed = (scores.reshape(len(scores), -1) for scores in _as_numbers(original, compressed))
    error, power = np.linalg.norm(z - changed, axis=1), np.linalg.norm(z, axis=1)
    ratios = np.divide(error, power, out=np.where(error == 0, 0.0, np.inf), where=power > 0)
    found = float(ratios.mean())
    return found if np.isfinite(found) else float("inf")


def error_bound(z: np.ndarray, changed: np.ndarray, *, errors: float) -> float:
    """Return the relative error of one output plus so many standard errors, in percent: a ratio of two means."""
    if z.shape != changed.shape:
        return float("inf")
    z, changed = _as_numbers(np.atleast_1d(z), np.atleast_1d(changed))  # a constant output may be one number
    axes = tuple(range(1, z.ndim))
    power = np.sum(np.square(z), axis=axes)
    with np.errstate(invalid="ignore"):  # infinity minus infinity: no answer, as far off as can be
        error = np.sum(np.square(z - changed), axis=axes)
    if not error.any():
        return 0.0
    if not power.any() or not np.isfinite(error.sum() + power.sum()):
        return float("inf")
    ratio = error.mean() / power.mean()
    spread = np.std(error - ratio * power) / (power.mean() * np.sqrt(len(z)))
    return float(100 * np.sqrt(max(ratio + errors * spread, 0.0)))


def _as_numbers(z: np.ndarray, changed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two outputs of one shape as float64: text as 1 where it is the same, infinities of both as nothing."""
    if z.dtype.kind in "OSU":
        return np.ones(z.shape), np.asarray(z == changed, np.float64)
    numbers, others = z.astype(np.float64), changed.astype(np.float64)
    is_masked = np.isinf(numbers) & (numbers == others)
    if is_masked.any():
        return np.where(is_masked, 0.0, numbers), np.where(is_masked, 0.0, others)
    return numbers, others
