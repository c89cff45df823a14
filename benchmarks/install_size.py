"""Size of a fresh installation: the wheel of this checkout with its core dependencies, byte code included.

python benchmarks/install_size.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "venv"
        venv.create(environment, with_pip=True)
        python = environment / "bin" / "python"
        site = Path(
            subprocess.check_output([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True).strip()
        )
        before = size(site)
        start = time.perf_counter()
        # wheels only: an installation that needs a compiler fails here
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "--only-binary", ":all:", "--no-binary", "mlebench", str(ROOT)], check=True
        )
        print(f"{(size(site) - before) / 1e6:.0f} MB in {time.perf_counter() - start:.0f} s, Python {sys.version.split()[0]}")


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
