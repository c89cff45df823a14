"""Size of a fresh installation: the wheel of this checkout with its core dependencies, including bytecode.

python -m benchmarks.install_size
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

from benchmarks.results import Figure, benchmark
from benchmarks.timing import Spread, command

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    benchmark(measure, parser, "install_size")


def measure(options: argparse.Namespace) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "venv"
        venv.create(environment, with_pip=True)
        python = environment / "bin" / "python"
        site = Path(
            subprocess.check_output([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True).strip()
        )
        before = size(site)
        # wheels only: an installation that needs a compiler fails here
        words = ["install", "-q", "--only-binary", ":all:", "--no-binary", "mlebench", str(ROOT)]
        used = command([python, "-m", "pip", *words])
        megabytes = Spread.of([(size(site) - before) / 1e6])
        yield Figure("a fresh installation, byte code included", megabytes, "MB", goal="at most 450", peak=used.peak)


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
