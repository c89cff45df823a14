#!/bin/sh
# PID 1's only child in every container: serves the submission checker on port 5000 and, if the run has one, the gateway to
# models on port 5001, and runs the agent.
#     entrypoint.sh START_SCRIPT [ARGUMENT...]
# Exits with the agent's exit code. A SIGTERM reaches every process, whichever session or group it is in.

# each port relays to a socket of the harness; stream chunks are passed on as they arrive
listen() { socat "$1,reuseaddr,nodelay,backlog=512,fork,max-children=$3" "UNIX-CONNECT:$2" 2>/dev/null & }
forward() {
    # newer engines give containers ::1; some clients resolve localhost to it and try nothing else
    if grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null; then listen "TCP6-LISTEN:$1,bind=[::1],ipv6only" "$2" "$3"; fi
    listen "TCP4-LISTEN:$1,bind=127.0.0.1" "$2" "$3"
}
forward 5000 /run/mlebench/checker.sock 32
checker=$!
models=
if [ -S /run/mlebench/models.sock ]; then
    forward 5001 /run/mlebench/models.sock 256
    models=$!
fi

start=$1
if [ ! -f "$start" ]; then
    echo "mlebench: there is no start script $start" >&2
    exit 127
fi
[ -x "$start" ] || set -- sh "$@"

# the agent's first command may call the checker
await() {
    tries=0
    while [ "$tries" -lt 500 ] && kill -0 "$1" 2>/dev/null && ! grep -q " 0100007F:$2 00000000:0000 0A " /proc/net/tcp; do
        tries=$((tries + 1))
        sleep 0.02
    done
}
await "$checker" 1388
[ -z "$models" ] || await "$models" 1389

others_work() {
    for process in /proc/[0-9]*; do
        case ${process#/proc/} in 1 | $$) ;; *) return 0 ;; esac
    done
    return 1
}

"$@" &
agent=$!
told=
trap 'told=yes; kill -TERM -1 2>/dev/null' TERM INT
while :; do
    # a signal ends `wait` early; the agent may still be saving its work then
    wait "$agent"
    code=$?
    kill -0 "$agent" 2>/dev/null || break
done
# background processes of the agent are saving their work, too; the engine kills them after the grace period
while [ -n "$told" ] && others_work; do sleep 0.1; done
exit "$code"
