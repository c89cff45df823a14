from grading import Grader, RunLengths, per_edition
from grading.metrics.segmentation import pooled_dice

contrails = Grader(
    id="record_id",
    public=("height", "width"),
    columns=lambda known: {"encoded_pixels": RunLengths(tuple(known["height"] * known["width"]), empty_word="-")},
    metric=pooled_dice,
)
grader = per_edition(v1=contrails, v2=contrails)
