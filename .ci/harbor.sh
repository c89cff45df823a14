# Installs Harbor, which needs Python 3.12, in a separate environment for the export tests. Source it, do not run it:
#
#     . .ci/harbor.sh
#
# Does nothing if it is installed. Sets MLEBENCH_HARBOR_PYTHON, and MLEBENCH_REQUIRE_HARBOR, so that tests fail without it
# instead of being skipped.

HARBOR_VERSION=0.26.0

harbor_environment() {
    local folder=$PWD/.venv-harbor python
    if ! "$folder/bin/harbor" --version 2>/dev/null | grep -qx "$HARBOR_VERSION"; then
        python=$(interpreter 3.12 || interpreter 3.13) || { echo "Harbor needs Python 3.12, which is not installed here" >&2; return 1; }
        rm -rf "$folder"
        "$python" -m venv "$folder" && "$folder/bin/python" -m pip install --quiet "harbor==$HARBOR_VERSION" || return 1
    fi
    export MLEBENCH_HARBOR_PYTHON=$folder/bin/python MLEBENCH_REQUIRE_HARBOR=1
}

harbor_environment || return 1
