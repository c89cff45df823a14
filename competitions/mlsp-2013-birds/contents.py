"""Contents of the data set."""

SPECIES = 19
"""Numbered from 0."""
PICTURES = ("spectrograms", "filtered_spectrograms", "supervised_segmentation")
"""Folders with one picture of each recording."""
HISTOGRAM_HEADER = "rec_id,[histogram of segment features]"
