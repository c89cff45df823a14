"""`python -m benchmarks` (`make bench`) runs the benchmarks one after the other, each in a process of its own.

python -m benchmarks [NAME ...]        # startup grading_speed masks volumes image_folders …
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DEFAULT = (
    "startup",
    "install_size",
    "grading_speed",
    "grade_many",
    "masks",
    "volumes",
    "image_folders",
    "linked_images",
    "run_groups",
    "neighbors",
    "gateway",
    "evidence",
)


def main() -> int:
    failed = 0
    for name in sys.argv[1:] or DEFAULT:
        print(f"== {name}", flush=True)
        failed += subprocess.run([sys.executable, str(Path(__file__).with_name(f"{name}.py"))]).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
