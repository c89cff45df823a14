#!/usr/bin/env bash
# Checks what a user gets from the package index: installs each distribution into an empty environment and runs the demo, a
# competition from mock data to a score, a user's own agent and the Python API, in an empty folder and an empty home.
#
#     .ci/smoke.sh dist/mlebench-*.whl dist/mlebench-*.tar.gz
#
# Needs a package index for the dependencies. PYTHON names the interpreter (default: python3).
set -euo pipefail

try() {
    local distribution=$1 folder
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' RETURN
    "${PYTHON:-python3}" -m venv "$folder/venv"
    "$folder/venv/bin/python" -m pip install --quiet "$distribution[all]"
    mkdir "$folder/home" "$folder/work"
    (cd "$folder/work" && env -i HOME="$folder/home" PATH="$folder/venv/bin:/usr/bin:/bin" bash -euo pipefail -c "$(declare -f steps); steps")
}

steps() {
    mlebench --version
    [ "$(mlebench list --json | python -c 'import json, sys; print(len(json.load(sys.stdin)))')" = 82 ]
    mlebench demo --quiet

    mlebench prepare spaceship-titanic --mock --quiet
    sample=$(find "$HOME/.cache" -name sample_submission.csv -path '*spaceship-titanic*/public/*')
    mlebench validate "$sample" -c spaceship-titanic
    mlebench grade "$sample" -c spaceship-titanic

    mlebench new-agent mine --into agents
    mlebench run --agent agents/mine -c demo-wine --profile demo --sandbox plain --name mine --quiet
    mlebench report mine --html report.html
    [ -s report.html ]

    python - <<'PYTHON'
import importlib.metadata, pathlib
import mlebench
home = pathlib.Path(mlebench.__file__).parent
assert mlebench.__version__ == importlib.metadata.version("mlebench")
assert (home / "py.typed").is_file() and (home / "_bundled" / "competitions").is_dir()
assert all(getattr(mlebench, name) is not None for name in mlebench.__all__)
PYTHON
}

for distribution in "$@"; do
    echo "== $distribution"
    try "$(realpath "$distribution")"
done
