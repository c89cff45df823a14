"""Overlap, matching and average precision of boxes, by property and against examples worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from grading.metrics.boxes import (
    Boxes,
    average_precision,
    descending,
    greedy_match,
    iou_matrix,
    joint_codes,
    match_images,
    mean_average_precision,
    pairs_within_groups,
)

coordinate = st.integers(0, 8).map(float)
box = st.tuples(coordinate, coordinate, st.integers(1, 5), st.integers(1, 5)).map(
    lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]]
)
corner_arrays = st.lists(box, max_size=6).map(lambda boxes: np.array(boxes, dtype=float).reshape(-1, 4))
overlaps = st.tuples(st.integers(0, 6), st.integers(1, 6)).flatmap(
    lambda shape: arrays(float, shape, elements=st.integers(0, 20).map(lambda k: k / 20))
)


def test_iou_of_two_squares_that_share_a_quarter():
    overlap = iou_matrix(np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 1, 3, 3], [2, 0, 4, 2], [0, 0, 2, 2]]))
    assert overlap[0].tolist() == pytest.approx([1 / 7, 0, 1])


def test_iou_of_empty_boxes_is_zero():
    assert iou_matrix(np.zeros((1, 4)), np.zeros((1, 4))).tolist() == [[0.0]]


@given(corner_arrays, corner_arrays)
def test_iou_equals_counting_cells(first, second):
    cells = [{(x, y) for x in range(int(b[0]), int(b[2])) for y in range(int(b[1]), int(b[3]))} for b in [*first, *second]]
    overlap = iou_matrix(first, second)
    for i in range(len(first)):
        for j in range(len(second)):
            a, b = cells[i], cells[len(first) + j]
            assert overlap[i, j] == pytest.approx(len(a & b) / len(a | b))
    assert np.array_equal(overlap, iou_matrix(second, first).T)


def test_second_choice_and_ties():
    overlap = np.array([[0.9, 0.6], [0.8, 0.7], [0.6, 0.6]])
    assert greedy_match(overlap, 0.5).tolist() == [0, 1, -1]
    assert greedy_match(overlap, 0.5, second_choice=False).tolist() == [0, -1, -1]
    assert greedy_match(overlap[2:], 0.5).tolist() == [0]
    assert greedy_match(overlap[2:], 0.5, ties="last").tolist() == [1]


def test_an_overlap_equal_to_the_threshold_counts_only_if_inclusive():
    overlap = np.array([[0.5]])
    assert greedy_match(overlap, 0.5).tolist() == [-1]
    assert greedy_match(overlap, 0.5, inclusive=True).tolist() == [0]


@given(overlaps, st.booleans(), st.booleans(), st.sampled_from(["first", "last"]))
def test_each_truth_is_given_once_and_only_for_enough_overlap(overlap, inclusive, second_choice, ties):
    matched = greedy_match(overlap, 0.5, inclusive=inclusive, ties=ties, second_choice=second_choice)
    taken = matched[matched >= 0]
    assert len(set(taken.tolist())) == len(taken)
    values = overlap[np.flatnonzero(matched >= 0), taken]
    assert (values >= 0.5).all() if inclusive else (values > 0.5).all()


def one_after_the_other(overlap, threshold, *, inclusive, ties, second_choice):
    """The definition of `greedy_match`, in plain words."""
    matched, free = [], set(range(overlap.shape[1]))
    for row in overlap.tolist():
        enough = [k for k, value in enumerate(row) if value > threshold or (inclusive and value == threshold)]
        candidates = [k for k in enough if k in free or not second_choice]
        best = max(candidates, key=lambda k: (row[k], k if ties == "last" else -k), default=-1)
        matched.append(best if best in free else -1)
        free.discard(best)
    return matched


@given(overlaps, st.booleans(), st.booleans(), st.sampled_from(["first", "last"]))
def test_matching_is_what_going_through_the_detections_gives(overlap, inclusive, second_choice, ties):
    options = {"inclusive": inclusive, "ties": ties, "second_choice": second_choice}
    assert greedy_match(overlap, 0.5, **options).tolist() == one_after_the_other(overlap, 0.5, **options)


def test_detections_without_a_truth_get_none():
    for second_choice in (True, False):
        assert greedy_match(np.zeros((3, 0)), 0.5, second_choice=second_choice).tolist() == [-1, -1, -1]


@pytest.mark.timeout(30)
def test_a_million_detections_of_few_truths_take_no_step_each():
    overlap = np.tile([0.9, 0.8, 0.7], (1_000_000, 1))
    assert (greedy_match(overlap, 0.5) >= 0).sum() == 3
    assert (greedy_match(overlap, 0.5, second_choice=False) >= 0).sum() == 1


@given(overlaps)
def test_with_second_choice_no_detection_is_left_beside_a_free_truth_it_hits(overlap):
    matched = greedy_match(overlap, 0.5)
    free = np.setdiff1d(np.arange(overlap.shape[1]), matched)
    assert not (overlap[np.ix_(matched < 0, free)] > 0.5).any()


@given(st.data())
def test_matching_does_not_depend_on_the_order_of_rows(data):
    truth, found = data.draw(corner_arrays), data.draw(corner_arrays)
    images = [data.draw(arrays(np.int64, len(boxes), elements=st.integers(0, 2))) for boxes in (truth, found)]
    scores = np.array(data.draw(st.permutations(range(len(found)))), dtype=float)
    order = np.array(data.draw(st.permutations(range(len(found)))), dtype=int)
    true = Boxes(images[0], np.zeros(len(truth)), truth)
    second_choice = data.draw(st.booleans())

    def match(rows):
        detections = Boxes(images[1][rows], np.zeros(len(rows)), found[rows])
        return match_images(true, detections, scores[rows], 0.3, second_choice=second_choice)

    assert match(order).tolist() == match(np.arange(len(found)))[order].tolist()


def test_average_precision_worked_by_hand():
    hits = np.array([True, False, True, False])
    # recall 1/3 at precision 1, recall 2/3 at precision 2/3, the third truth is never found
    assert average_precision(hits, 3) == pytest.approx(1 / 3 + 2 / 9)
    # recall 0, 0.01, …, 0.33 (34 points) at precision 1; 0.34 to 0.66 (33 points) at 2/3; 34 points at 0
    assert average_precision(hits, 3, "101 points") == pytest.approx((34 + 33 * 2 / 3) / 101)


def test_average_precision_at_the_ends():
    assert average_precision(np.zeros(0, dtype=bool), 5) == 0
    assert average_precision(np.zeros(0, dtype=bool), 5, "101 points") == 0
    assert average_precision(np.ones(5, dtype=bool), 5) == pytest.approx(1)
    assert average_precision(np.ones(5, dtype=bool), 5, "101 points") == pytest.approx(1)


@given(st.lists(st.booleans(), max_size=20), st.integers(0, 5))
def test_average_precision_lies_between_0_and_recall(hits, missed):
    positives = sum(hits) + missed
    if positives:
        value = average_precision(np.array(hits, dtype=bool), positives)
        assert 0 <= value <= sum(hits) / positives + 1e-12


def test_precision_is_raised_to_the_best_at_higher_recall():
    assert average_precision(np.array([False, True]), 1) == pytest.approx(0.5)
    assert average_precision(np.array([False, True, True]), 2) == pytest.approx(2 / 3)


def test_mean_over_classes_ignores_classes_without_truth():
    truth = Boxes(np.array([0, 1]), np.array(["a", "b"]), np.array([[0.0, 0, 10, 10], [0, 0, 10, 10]]))
    found = Boxes(np.array([0, 1, 1]), np.array(["a", "b", "c"]), np.array([[0.0, 0, 10, 10], [50, 0, 60, 10], [0, 0, 1, 1]]))
    assert mean_average_precision(truth, found, np.array([0.9, 0.8, 0.7]), 0.5) == pytest.approx(0.5)


@given(st.data())
def test_mean_average_precision_does_not_depend_on_the_order_of_rows_even_for_equal_scores(data):
    count = data.draw(st.integers(1, 6))
    truth = Boxes(np.arange(count), np.zeros(count), np.tile([0.0, 0, 4, 4], (count, 1)))
    shift = np.array(data.draw(st.lists(st.integers(0, 8), min_size=count, max_size=count)), dtype=float)
    corners = truth.corners + shift[:, None]
    order = np.array(data.draw(st.permutations(range(count))), dtype=int)

    def score(rows):
        return mean_average_precision(truth, Boxes(rows, np.zeros(count), corners[rows]), np.ones(count), 0.5)

    assert score(order) == score(np.arange(count))


boxes_of_images = st.integers(0, 12).flatmap(
    lambda n: st.tuples(
        arrays(np.int64, n, elements=st.integers(-1, 2)),
        arrays(np.int64, n, elements=st.integers(0, 1)),
        st.lists(box, min_size=n, max_size=n).map(lambda boxes: np.array(boxes, dtype=float).reshape(-1, 4)),
    )
)


@given(boxes_of_images, boxes_of_images, st.data())
def test_images_and_classes_are_matched_each_by_itself(truth, found, data):
    scores = data.draw(arrays(float, len(found[0]), elements=st.sampled_from([0.1, 0.5, 0.9])))
    options = {
        "inclusive": data.draw(st.booleans()),
        "second_choice": data.draw(st.booleans()),
        "ties": data.draw(st.sampled_from(["first", "last"])),
    }
    truth, found = Boxes(*truth), Boxes(*found)
    expected = np.full(len(found.images), -1)
    for image, label in {*zip(found.images.tolist(), found.labels.tolist(), strict=True)}:
        true = np.flatnonzero((truth.images == image) & (truth.labels == label))
        guesses = np.flatnonzero((found.images == image) & (found.labels == label))
        guesses = guesses[descending(scores[guesses])]
        overlap = iou_matrix(found.corners[guesses], truth.corners[true])
        for guess, place in zip(guesses, one_after_the_other(overlap, 0.25, **options), strict=True):
            expected[guess] = true[place] if place >= 0 else -1
    assert match_images(truth, found, scores, 0.25, **options).tolist() == expected.tolist()


@given(st.lists(st.integers(0, 4)), st.lists(st.integers(0, 4)), st.integers(1, 9))
def test_pairs_are_those_of_equal_groups_in_blocks(first, second, most):
    blocks = [*pairs_within_groups(np.array(first, dtype=np.int64), np.array(second, dtype=np.int64), most)]
    found = [pair for a, b in blocks for pair in zip(a.tolist(), b.tolist(), strict=True)]
    assert found == [(i, j) for i, a in enumerate(first) for j, b in enumerate(second) if a == b]
    for a, _ in blocks:
        assert len(a) <= most + np.bincount(a, minlength=1).max()
    of_block = [block for block, (a, _) in enumerate(blocks) for _ in set(a.tolist())]
    assert len(of_block) == len({i for i, _ in found})


def test_codes_are_joint_and_ascend_from_the_first_appearance():
    numbers = joint_codes((np.array([7, 7, 3]), np.array(["a", "b", "a"])), (np.array([3, 7, 7]), np.array(["a", "c", "b"])))
    assert [part.tolist() for part in numbers] == [[0, 1, 2], [2, 3, 1]]
    assert [part.tolist() for part in joint_codes(np.array([1]), np.array(["1"]))] == [[0], [1]]
    assert [part.tolist() for part in joint_codes(np.array([], dtype=int), np.array([5]))] == [[], [0]]


@pytest.mark.timeout(30)
def test_a_chain_of_choices_is_followed_to_its_end():
    # each detection wants the truth of the one before it most, and the next one else
    overlap = np.eye(1000) * 0.6 + np.eye(1000, k=-1) * 0.9
    assert greedy_match(overlap, 0.5).tolist() == one_after_the_other(
        overlap, 0.5, inclusive=False, ties="first", second_choice=True
    )


def test_descending_keeps_the_order_of_equal_scores():
    assert descending(np.array([1.0, 3, 1, 3])).tolist() == [1, 3, 0, 2]
