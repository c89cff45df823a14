# Starts a real Podman beside Docker on a fresh Debian machine, as root, for the tests of `tests/sandbox/podman`. Source it after
# `.ci/docker-engine.sh`, do not run it:
#
#     . .ci/podman-engine.sh
#
# Sets MLEBENCH_PODMAN (its socket) and MLEBENCH_REQUIRE_PODMAN (a test that finds no Podman then fails instead of being
# skipped). Its images, containers and networks are in a separate folder, so an existing Podman is left alone.

podman_home=/var/tmp/mlebench-podman

podman_packages() {
    local missing=() name
    for name in podman runc conmon catatonit netavark aardvark-dns iptables; do
        dpkg -s "$name" >/dev/null 2>&1 || missing+=("$name")
    done
    [ ${#missing[@]} -eq 0 ] && return
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

podman_answers() { docker -H "unix://$podman_home/podman.sock" version >/dev/null 2>&1; }

# Podman requests a limit of a million open files for each container, which fails if root may not raise its own limit.
podman_runtime() {
    mkdir -p "$podman_home/bin"
    cat >"$podman_home/bin/runc" <<'END'
#!/bin/sh
previous=
for word; do
    case $previous in
        --bundle) sed -i "s/\b1048576\b/$(ulimit -Hn)/g" "$word/config.json" ;;
        --process) sed -i "s/\b1048576\b/$(ulimit -Hn)/g" "$word" ;;
    esac
    previous=$word
done
exec /usr/sbin/runc "$@"
END
    chmod +x "$podman_home/bin/runc"
    if (ulimit -Hn 1048576) 2>/dev/null; then echo /usr/sbin/runc; else echo "$podman_home/bin/runc"; fi
}

podman_configuration() {
    local manager=cgroupfs
    [ -d /run/systemd/system ] && manager=systemd
    # crun refuses machines with both versions of control groups
    cat >"$podman_home/containers.conf" <<END
[engine]
cgroup_manager = "$manager"
events_logger = "file"
runtime = "runc"
[engine.runtimes]
runc = ["$(podman_runtime)"]
[network]
network_backend = "netavark"
END
    cat >"$podman_home/storage.conf" <<END
[storage]
driver = "overlay"
graphroot = "$podman_home/storage"
runroot = "$podman_home/run"
END
}

podman_start() {
    podman_answers && return
    mkdir -p "$podman_home"
    podman_configuration
    CONTAINERS_CONF=$podman_home/containers.conf CONTAINERS_STORAGE_CONF=$podman_home/storage.conf \
        setsid nohup env -C "$podman_home" podman --network-config-dir "$podman_home/networks" --tmpdir "$podman_home/tmp" \
        system service --time=0 "unix://$podman_home/podman.sock" >"$podman_home/service.log" 2>&1 </dev/null &
    for _ in $(seq 60); do
        podman_answers && return
        sleep 1
    done
    tail -n 20 "$podman_home/service.log" >&2
    echo "Podman did not start" >&2
    return 1
}

# copies the parent of base images from the other engine
podman_parent() {
    docker -H "unix://$podman_home/podman.sock" image inspect "$1" >/dev/null 2>&1 && return
    docker save "$1" | docker -H "unix://$podman_home/podman.sock" load >/dev/null
}

podman_packages && podman_start && podman_parent "$MLEBENCH_BASE_IMAGE" || return 1
export MLEBENCH_PODMAN=unix://$podman_home/podman.sock MLEBENCH_REQUIRE_PODMAN=1
