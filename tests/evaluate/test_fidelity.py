"""Properties that every distance between two networks' outputs must have."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from attar.evaluate import agreement, divergence, mean_difference, predicted_drop, relative_error
from attar.evaluate.fidelity import probabilities

logits = arrays.arrays(np.float32, (6, 4), elements=st.floats(-50, 50, width=32))


def softmax(scores):
    return [
        [np.exp(s - max(row)) / sum(np.exp(t - max(row)) for t in row) for s in row] for row in scores.astype(float)
    ]


@given(logits)
def test_probabilities_of_logits_are_their_softmax(scores):
    assume(scores.min() < 0)
    np.testing.assert_allclose(probabilities(scores), softmax(scores), atol=1e-12)


@given(logits)
def test_probabilities_stay_what_they_are(scores):
    p = probabilities(scores)
    np.testing.assert_array_equal(probabilities(p), p)


@given(logits, logits)
def test_predicted_drop_lies_between_zero_and_one(original, compressed):
    drops = predicted_drop(original, compressed)
    assert drops.shape == (6,) and (drops >= 0).all() and (drops <= 1).all()


@given(logits, logits)
def test_predicted_drop_is_zero_where_both_agree(original, compressed):
    agree = agreement(original, compressed) == 1
    assert (predicted_drop(original, compressed)[agree] == 0).all()


def test_predicted_drop_by_hand():
    original = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])
    compressed = np.array([[0, 0, 1.0], [0, 0, 1.0]])
    np.testing.assert_allclose(predicted_drop(original, compressed), [0.3, 0])


def test_predicted_drop_is_the_expected_true_drop():
    """Where labels are drawn from the original's probabilities, the prediction is right on average."""
    rng = np.random.default_rng(0)
    original = rng.normal(size=(20_000, 5))
    compressed = original + rng.normal(size=original.shape)
    p = probabilities(original)
    labels = (rng.random((len(p), 1)) > p.cumsum(axis=1)).sum(axis=1)
    true = (original.argmax(axis=1) == labels).mean() - (compressed.argmax(axis=1) == labels).mean()
    assert predicted_drop(original, compressed).mean() == pytest.approx(true, abs=0.01)


@given(logits, logits)
def test_agreement_counts_equal_answers(original, compressed):
    expected = [float(a.argmax() == b.argmax()) for a, b in zip(original, compressed, strict=True)]
    assert agreement(original, compressed).tolist() == expected


def test_nan_agrees_with_nothing():
    original, broken = np.array([[5.0, 1.0, -1.0]]), np.full((1, 3), np.nan)
    assert agreement(original, broken).tolist() == [0]
    assert predicted_drop(original, broken)[0] == pytest.approx(probabilities(original).max())


@given(logits, logits)
def test_divergence_is_never_negative(original, compressed):
    assert divergence(original, compressed) >= -1e-12


@given(logits)
def test_divergence_of_the_same_is_zero(scores):
    assert divergence(scores, scores) == 0


@given(logits, st.floats(-20, 20, width=32))
def test_divergence_ignores_a_shift_of_all_logits(scores, shift):
    assume(scores.min() < 0 and (scores + np.float32(shift)).min() < 0)
    assert divergence(scores, scores + np.float32(shift)) == pytest.approx(0, abs=1e-5)


def test_divergence_by_hand():
    p, q = np.array([[0.5, 0.5]]), np.array([[0.25, 0.75]])
    assert divergence(p, q) == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3))


def test_divergence_is_finite_where_a_class_vanished():
    assert np.isfinite(divergence(np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]])))


@given(logits, st.floats(0, 2))
def test_relative_error_of_scaled_outputs(scores, factor):
    z = scores.astype(np.float64)
    assume(np.abs(z).max() > 1e-3)
    assert relative_error([z], [z * (1 + factor)]) == pytest.approx(100 * factor, abs=1e-9)


def test_relative_error_is_of_the_worst_output():
    one = np.ones((2, 2))
    assert relative_error([one, one], [one, 1.5 * one]) == pytest.approx(50)


def test_relative_error_does_not_overflow_in_half_precision():
    z = np.full((100, 4), 300, np.float16)
    assert relative_error([z], [z * np.float16(2)]) == pytest.approx(100)


@pytest.mark.parametrize(
    ("z", "changed", "expected"),
    [
        (np.zeros((2, 2)), np.zeros((2, 2)), 0),
        (np.zeros((2, 2)), np.ones((2, 2)), np.inf),
        (np.ones((2, 2)), np.ones((2, 3)), np.inf),
    ],
)
def test_relative_error_at_the_edges(z, changed, expected):
    assert relative_error([z], [changed]) == expected


# --- the evaluator of Ge et al. -------------------------------------------------------------------------------------


@given(st.integers(0, 1000), st.integers(2, 30), st.integers(1, 5))
def test_mean_difference_is_the_same_for_any_batches(seed, samples, cut):
    rng = np.random.default_rng(seed)
    z, changed = rng.normal(size=(2, samples, 7)).astype(np.float32)
    cut = min(cut, samples - 1)
    parts = [mean_difference(z[part], changed[part]) for part in (slice(0, cut), slice(cut, None))]
    whole = mean_difference(z, changed)
    assert whole == pytest.approx((cut * parts[0] + (samples - cut) * parts[1]) / samples, rel=1e-12)
    assert mean_difference(z, z) == 0 and mean_difference(z, 2 * z) == pytest.approx(1, rel=1e-6)


def test_mean_difference_counts_every_sample_alike():
    z, changed = np.array([[100.0, 0.0], [0.0, 1.0]]), np.array([[100.0, 10.0], [0.5, 1.0]])
    assert mean_difference(z, changed) == pytest.approx((0.1 + 0.5) / 2)


@pytest.mark.parametrize(
    ("z", "changed", "expected"),
    [([[0.0]], [[0.0]], 0.0), ([[0.0]], [[1.0]], np.inf), ([[1.0]], [[np.nan]], np.inf), ([[1.0]], [[np.inf]], np.inf)],
)
def test_mean_difference_at_the_edges(z, changed, expected):
    assert mean_difference(np.array(z), np.array(changed)) == expected


def test_mean_difference_of_other_rows_is_beyond_measure():
    assert mean_difference(np.ones((5, 3)), np.ones((6, 3))) == np.inf


def test_text_is_the_same_or_it_is_not():
    z, changed = np.array(["a", "b", "a", "c"], object), np.array(["a", "b", "b", "c"], object)
    assert relative_error([z], [z]) == 0 and relative_error([z], [changed]) == pytest.approx(100 * np.sqrt(1 / 4))
    assert mean_difference(z, changed) == pytest.approx(1 / 4)


def test_infinities_of_both_are_no_error():
    z = np.array([[3.0, -np.inf, 4.0], [0.0, -np.inf, -np.inf]], np.float32)
    near, other = z.copy(), z.copy()
    near[0, 0], other[0, 1] = 3.5, 1.0
    assert relative_error([z], [z]) == 0 and relative_error([z], [other]) == np.inf
    assert relative_error([z], [near]) == pytest.approx(10) and mean_difference(z, z) == 0
