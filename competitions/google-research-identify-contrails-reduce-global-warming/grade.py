from grading import Grader, RunLengths
from grading.metrics.segmentation import pooled_dice

grader = Grader(
    id="record_id",
    columns=lambda answers: {"encoded_pixels": RunLengths(tuple(answers["height"] * answers["width"]), empty_word="-")},
    metric=pooled_dice,
)
