"""Mask metrics against the same numbers from dense masks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import binary_erosion, distance_transform_edt
from scipy.spatial.distance import directed_hausdorff
from sklearn.metrics import f1_score, fbeta_score

from grading.metrics.run_length import runs_of
from grading.metrics.segmentation import _eroded, dice, hausdorff, mean_dice, mean_pixel_f_beta, pooled_dice

mask_lists = st.integers(1, 4).flatmap(lambda n: st.tuples(*[arrays(bool, (n, 3, 4))] * 2))


def runs(masks):
    return np.fromiter((runs_of(mask) for mask in masks), dtype=object, count=len(masks))


def test_dice_worked_by_hand():
    truth = np.array([[[1, 1, 0]], [[0, 0, 0]], [[0, 0, 0]], [[1, 0, 0]]])
    guess = np.array([[[0, 1, 1]], [[0, 0, 0]], [[1, 0, 0]], [[1, 0, 0]]])
    assert dice(runs(truth), runs(guess)).tolist() == pytest.approx([0.5, np.nan, 0, 1], nan_ok=True)
    assert mean_dice(runs(truth), runs(guess)) == pytest.approx(2.5 / 4)
    assert pooled_dice(runs(truth), runs(guess)) == pytest.approx(2 * 2 / (3 + 4))
    assert pooled_dice(runs(truth[1:2]), runs(guess[1:2])) == 1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@given(mask_lists)
def test_equal_to_scikit_learn_on_dense_masks(pair):
    truth, guess = pair
    if truth.any() or guess.any():
        assert pooled_dice(runs(truth), runs(guess)) == pytest.approx(f1_score(truth.ravel(), guess.ravel()))
    expected = [fbeta_score(a.ravel(), b.ravel(), beta=0.5, zero_division=0.0) for a, b in zip(truth, guess, strict=True)]
    assert mean_pixel_f_beta(runs(truth), runs(guess), 0.5) == pytest.approx(np.mean(expected))


volumes = array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=6).flatmap(lambda s: st.tuples(*[arrays(bool, s)] * 2))


@given(volumes)
def test_hausdorff_equals_scipy_on_the_points(pair):
    a, b = pair
    if not (a.any() and b.any()):
        return
    spacing = 1 / np.array(a.shape)
    points = np.argwhere(a) * spacing, np.argwhere(b) * spacing
    expected = max(directed_hausdorff(*points)[0], directed_hausdorff(*points[::-1])[0])
    assert hausdorff(a, b, spacing) == pytest.approx(expected)


@pytest.mark.parametrize("share", [0.0005, 0.02, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(3, 70, 41), (37, 20, 33), (1, 1, 150), (90, 90)])
def test_hausdorff_of_large_masks_equals_the_distance_transform(shape, share):
    rng = np.random.default_rng(sum(shape))
    spacing = 1 / np.array(shape)
    a, b = rng.random(shape) < share, rng.random(shape) < 0.002
    a.flat[0] = b.flat[-1] = True
    expected = max(distance_transform_edt(~goal, sampling=spacing)[start].max() for start, goal in ((a, b), (b, a)))
    assert hausdorff(a, b, spacing) == pytest.approx(expected)


@pytest.mark.parametrize("moved", [(0, 0, 0), (0, 1, 0), (1, 2, 3), (0, 0, 9), (3, 9, 9)])
def test_hausdorff_of_masks_near_each_other_is_that_of_distant_ones(monkeypatch, moved):
    rng = np.random.default_rng(0)
    a = rng.random((12, 40, 30)) < 0.01
    b = np.zeros_like(a)
    b[tuple(slice(shift, None) for shift in moved)] = a[
        tuple(slice(length - shift) for length, shift in zip(a.shape, moved, strict=True))
    ]
    for spacing in (1 / np.array(a.shape), np.ones(3), np.array([9.0, 1, 0.1])):
        expected = max(distance_transform_edt(~goal, sampling=spacing)[start].max() for start, goal in ((a, b), (b, a)))
        assert hausdorff(a, b, spacing) == pytest.approx(expected)
        with monkeypatch.context() as patch:
            patch.setattr("grading.metrics.segmentation._MOST_NEAR", 0)
            assert hausdorff(a, b, spacing) == pytest.approx(expected)


@given(array_shapes(min_dims=1, max_dims=3, max_side=6).flatmap(lambda shape: arrays(bool, shape)))
def test_a_mask_is_eroded_as_by_scipy(mask):
    assert (_eroded(mask) == binary_erosion(mask)).all()


def test_hausdorff_of_a_point_in_a_hollow_shell():
    shell = np.ones((5, 5, 5), dtype=bool)
    shell[1:4, 1:4, 1:4] = False
    assert hausdorff(np.ones((5, 5, 5), dtype=bool), shell, np.ones(3)) == 2
