#!/bin/sh
# Adds to the parent image whatever is missing of what agents rely on: Python (unless the package set is `none`), socat,
# curl, the agent's user and the folders of a run.
set -eu

missing=""
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
need socat socat
need curl curl
if [ "$1" != none ]; then
    need python3 python3
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
fi

if [ -n "$missing" ]; then
    if command -v apt-get >/dev/null; then
        apt-get update
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates $missing
        rm -rf /var/lib/apt/lists/*
    elif command -v apk >/dev/null; then
        apk add --no-cache ca-certificates $(echo "$missing" | sed 's/python3-venv//')
    elif command -v dnf >/dev/null; then
        dnf install -y ca-certificates $(echo "$missing" | sed 's/python3-venv//')
    else
        echo "the parent image lacks$missing and has none of apt-get, apk and dnf to install it" >&2
        exit 1
    fi
fi

# not every image has useradd, and only the numeric id matters
grep -q '^[^:]*:[^:]*:1000:' /etc/passwd || echo 'agent:x:1000:1000:agent:/home:/bin/sh' >>/etc/passwd
grep -q '^[^:]*:[^:]*:1000:' /etc/group || echo 'agent:x:1000:' >>/etc/group

mkdir -p /home/data /home/submission /home/logs /home/code /home/agent /opt/venv /run/mlebench
chown 1000:1000 /home/submission /home/logs /home/code /home/agent /opt/venv
# anyone may add to /home; only the owner may delete
chmod 1777 /home

# some agents run commands in a login shell, which resets the image's PATH
if [ "$1" != none ]; then
    mkdir -p /etc/profile.d
    echo 'PATH=/opt/venv/bin:$PATH' >/etc/profile.d/mlebench.sh
fi
