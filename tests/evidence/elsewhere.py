"""Whether a bundle has the same verdict elsewhere: an installed wheel, another Python with the newest pandas 2, the data in
another folder tree, another working directory and home, no locale.

    python -m tests.evidence.elsewhere BUNDLE DATA --python python3.12 [--allowed-signers FILE] [--folder FOLDER]

Needs a package index for the first run in `--folder`, and no network for the verification itself. Exit code 0: the same verdict.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("data", type=Path, help="prepared data, as --data-dir has it")
    parser.add_argument("--python", default="python3.12", help="a Python of another version")
    parser.add_argument("--allowed-signers", type=Path)
    parser.add_argument("--folder", type=Path, help="keeps what is installed")
    chosen = parser.parse_args()
    folder = chosen.folder or Path(tempfile.mkdtemp(prefix="elsewhere-"))
    python = installed(folder, chosen.python)
    here = verdict([sys.executable, "-m", "mlebench"], chosen.bundle, chosen.data, chosen.allowed_signers, ROOT, dict(os.environ))
    there = moved(python, chosen.bundle, chosen.data, chosen.allowed_signers, folder / "other" / "place")
    print(versions([sys.executable]), "here;", versions([str(python)]), "there")
    for level in there["levels"]:
        print(f"{level['level']} {level['name']}: {level['state']}, {level['summary']}")
    differences = [key for key in here if key != "bundle" and here[key] != there.get(key)]
    print("the same verdict" if not differences else f"other {', '.join(differences)}: {json.dumps(here, indent=1)}")
    return bool(differences)


def installed(folder: Path, python: str) -> Path:
    """The Python of an environment with a wheel of this checkout and the newest packages that it allows."""
    environment = folder / "environment"
    made = environment / "bin" / "python"
    if not made.exists():
        run([python, "-m", "venv", str(environment)])
    shutil.rmtree(folder / "wheel", ignore_errors=True)
    run([str(made), "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder / "wheel"), str(ROOT)])
    [wheel] = (folder / "wheel").glob("mlebench-*.whl")
    run([str(made), "-m", "pip", "install", "--quiet", "--upgrade", "--force-reinstall", "--no-deps", str(wheel)])
    run([str(made), "-m", "pip", "install", "--quiet", "--upgrade", "--upgrade-strategy", "eager", str(wheel)])
    return made


def moved(python: Path, bundle: Path, data: Path, allowed: Path | None, place: Path) -> dict[str, Any]:
    """The verdict in another place: everything that it needs is copied there."""
    shutil.rmtree(place, ignore_errors=True)
    (place / "home").mkdir(parents=True)
    shutil.copy(bundle, place / "renamed.bundle")
    shutil.copytree(data, place / "data of another" / "tree")
    if allowed is not None:
        shutil.copy(allowed, place / "signers")
    environment = {"PATH": os.environ["PATH"], "HOME": str(place / "home"), "LC_ALL": "C", "TZ": "Pacific/Kiritimati"}
    return verdict(
        [str(python), "-m", "mlebench"],
        Path("renamed.bundle"),
        Path("data of another") / "tree",
        Path("signers") if allowed is not None else None,
        place,
        environment,
    )


def verdict(
    command: Sequence[str], bundle: Path, data: Path, allowed: Path | None, folder: Path, environment: dict[str, str]
) -> dict[str, Any]:
    words = ["verify", str(bundle), "--regrade", "--data-dir", str(data), "--json"]
    words += ["--allowed-signers", str(allowed)] if allowed is not None else []
    done = subprocess.run([*command, *words], cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join([*command, *words])}\nended with {done.returncode}: {done.stderr}")
    content: dict[str, Any] = json.loads(done.stdout)
    return content


def versions(python: Sequence[str]) -> str:
    program = """
import platform, numpy, pandas
print("Python", platform.python_version(), "pandas", pandas.__version__, "numpy", numpy.__version__)
"""
    return subprocess.run([*python, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    sys.exit(main())
