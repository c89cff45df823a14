import json
from pathlib import Path
from typing import Any

import numpy as np

from mlebench.data.mocking import MISSING_LOOKING

from .fields import TEST_FIELDS

TOKENS = (
    *("<P>", "</P>", "<Table>", "the", "article", "a/b", 'say "so"', "back\\slash", "x\u007fy", "é", "日本", "😀", "&amp;"),
    *MISSING_LOOKING,
)


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    examples = [example_of(rng, number, article=int(rng.integers(0, size))) for number in range(size)]
    raw.mkdir(parents=True, exist_ok=True)
    write_lines(raw / "simplified-nq-train.jsonl", examples)
    write_lines(raw / "simplified-nq-test.jsonl", [{field: example[field] for field in TEST_FIELDS} for example in examples[:2]])
    names = [f"{example['example_id']}_{kind}," for example in examples[:2] for kind in ("long", "short")]
    (raw / "sample_submission.csv").write_text("\n".join(["example_id,PredictionString", *names]) + "\n")


def example_of(rng: np.random.Generator, number: int, article: int) -> dict[str, Any]:
    """A question on an article: a third has no answer, the others a long one and maybe a short one or YES or NO."""
    tokens = " ".join(rng.choice(TOKENS, int(rng.integers(20, 60)))).split(" ")
    starts = np.sort(rng.choice(len(tokens) - 8, 3, replace=False))
    candidates = [{"start_token": int(start), "top_level": k == 0, "end_token": int(start) + 6} for k, start in enumerate(starts)]
    chosen = int(rng.integers(0, 3)) if number % 3 else -1
    first, last = (candidates[chosen]["start_token"], candidates[chosen]["end_token"]) if chosen >= 0 else (-1, -1)
    asks_yes_or_no = chosen >= 0 and number % 5 == 0
    shorts = int(rng.integers(0, 4)) if chosen >= 0 and not asks_yes_or_no else 0
    annotation = {
        "yes_no_answer": str(rng.choice(["YES", "NO"])) if asks_yes_or_no else "NONE",
        "long_answer": {"start_token": first, "candidate_index": chosen, "end_token": last},
        "short_answers": [{"start_token": first + k, "end_token": first + k + 2} for k in range(shorts)],
        "annotation_id": int(rng.integers(0, 2**64, dtype=np.uint64)),
    }
    return {
        "document_text": " ".join(tokens),
        "long_answer_candidates": candidates,
        "question_text": f"what is article {article}/{number}",
        "annotations": [annotation],
        "document_url": f"https://en.wikipedia.org//w/index.php?title=Article_{article}&amp;oldid={800_000_000 + number}",
        "example_id": int(rng.integers(-(2**63), 2**63)),
    }


def write_lines(path: Path, examples: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(example) + "\n" for example in examples)
