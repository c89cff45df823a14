from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv, write_zipped_csv
from mlebench.data.mocking import sentences

from .tags import COMMON_TAGS

TAGS = ("javascript", "c#", "python", "php", "java", ".net", "node.js", "r", "nan", "null", "3d", "calculus", "magento-1.7")


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    questions = pd.DataFrame(
        {
            "Id": range(1, size + 1),
            "Title": sentences(rng, size, 3, 10),
            "Body": [f"<p>{text}</p>\n\n<pre><code>if (a &lt; b)\n</code></pre>\n" for text in sentences(rng, size, 5, 40)],
            "Tags": [" ".join(rng.choice(TAGS, int(rng.integers(1, 6)), replace=False)) for _ in range(size)],
        }
    )
    # many questions occur twice in the real file
    twice = rng.choice(size, size // 5, replace=False)
    questions.loc[twice, ["Title", "Body", "Tags"]] = questions.loc[(twice + 1) % size, ["Title", "Body", "Tags"]].to_numpy()
    test = questions[["Id", "Title", "Body"]].head(3).assign(Id=range(size + 1, size + 4))

    raw.mkdir(parents=True, exist_ok=True)
    write_zipped_csv(questions, raw / "Train.zip", member="Train.csv", quoting=1)
    write_zipped_csv(test, raw / "Test.zip", member="Test.csv", quoting=1)
    write_csv(test[["Id"]].assign(Tags=COMMON_TAGS), raw / "SampleSubmission.csv")
