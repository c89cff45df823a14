# Sets up a real engine and a base image for the Docker tests on a fresh Debian machine, as root. Source it, do not run it:
#
#     . .ci/docker-engine.sh
#
# Needs only Debian packages: if no image registry is reachable, debootstrap builds the parent image.
# A step is skipped if its result exists. Sets MLEBENCH_REQUIRE_DOCKER, so that a test that finds no engine fails instead
# of being skipped, and MLEBENCH_BASE_IMAGE, the parent of base images.

engine_packages() {
    local missing=()
    command -v dockerd >/dev/null || missing+=(docker.io)
    command -v iptables >/dev/null || missing+=(iptables)
    command -v debootstrap >/dev/null || missing+=(debootstrap)
    [ ${#missing[@]} -eq 0 ] && return
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

engine_reachable() { docker version >/dev/null 2>&1; }

# A killed engine may remain as a zombie if nothing reaps it; that is not a running engine.
engine_alive() {
    local comm
    for comm in /proc/[0-9]*/comm; do
        [ "$(cat "$comm" 2>/dev/null)" = dockerd ] || continue
        grep -q '^State:.*Z' "${comm%comm}status" 2>/dev/null || return 0
    done
    return 1
}

engine_start() {
    engine_reachable && return
    # a killed engine leaves files that prevent the next one from starting
    engine_alive || rm -f /var/run/docker.pid /var/run/docker/containerd/containerd.pid
    local log=${TMPDIR:-/tmp}/dockerd.log
    setsid nohup dockerd >"$log" 2>&1 </dev/null &
    for _ in $(seq 60); do
        engine_reachable && return
        sleep 1
    done
    tail -n 20 "$log" >&2
    echo "the container engine did not start" >&2
    return 1
}

# This machine's package index settings, so that `pip`, `uv`, `npm` and `apt-get` work in an image build, too.
machine_configuration() {
    local root=$1 index
    mkdir -p "$root/etc/ssl/certs" "$root/etc/apt/apt.conf.d"
    cp "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" "$root/etc/ssl/certs/ca-certificates.crt"
    index=${PIP_INDEX_URL:-$(python3 -m pip config get global.index-url 2>/dev/null || true)}
    {
        echo "[global]"
        echo "cert = /etc/ssl/certs/ca-certificates.crt"
        case $index in http*) echo "index-url = $index" ;; esac
    } >"$root/etc/pip.conf"
    local variables="SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt"
    case $index in http*) variables="$variables UV_DEFAULT_INDEX=$index" ;; esac
    index=$(npm config get registry 2>/dev/null || true)
    case $index in http*) variables="$variables NPM_CONFIG_REGISTRY=$index" ;; esac
    echo "ENV $variables" >"$root.env"
    apt-config dump | grep -E '^Acquire::(http|https|Check-)' >"$root/etc/apt/apt.conf.d/90machine" || true
}

# An agent that needs Python 3.12 finds it in the image or downloads it, which is not possible here.
further_python() {
    local root=$1 home
    for home in "$HOME"/.pyenv/versions/3.12.*; do
        "$home/bin/python" -c '' 2>/dev/null || continue
        # in the prefix that it was built for, where a virtual environment looks for it
        tar -C / -c --exclude=test --exclude=tests --exclude=__pycache__ --exclude='*.a' --exclude=site-packages "${home#/}" |
            tar -C "$root" -x
        mkdir -p "$root/usr/local/bin"
        ln -sf "$home/bin/python3.12" "$root/usr/local/bin/python3.12"
        echo "$home/lib" >"$root/etc/ld.so.conf.d/python3.12.conf"
        chroot "$root" ldconfig
        # the agent's user may traverse the folders but not list them
        chmod o+x "$root$HOME"
        return
    done
}

base_image() {
    docker image inspect "$1" >/dev/null 2>&1 && return
    local root codename mirror environment
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    mirror=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $codename" | head -n 1)
    root=$(mktemp -d)
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates,curl,socat \
        "$codename" "$root" ${mirror:+"$mirror"} >"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2; return 1; }
    machine_configuration "$root"
    further_python "$root"
    environment=$(cat "$root.env")
    rm -rf "$root/var/cache/apt/archives" "$root/usr/share/doc" "$root/usr/share/man"
    tar -C "$root" -c . | docker import --change "$environment" - "$1" >/dev/null
    rm -rf "$root" "$root.log" "$root.env"
}

engine_packages && engine_start && base_image mlebench/offline-parent || return 1
export MLEBENCH_REQUIRE_DOCKER=1
export MLEBENCH_BASE_IMAGE=mlebench/offline-parent
