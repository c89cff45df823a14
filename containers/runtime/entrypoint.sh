#!/bin/sh
# PID 1's only child in every container: serves the submission checker on port 5000 and runs the agent.
#     entrypoint.sh START_SCRIPT [ARGUMENT...]
# Ends with the agent's exit code. A SIGTERM reaches every process, wherever the agent put it.

checker=/run/mlebench/checker.sock
socat TCP-LISTEN:5000,bind=127.0.0.1,reuseaddr,fork,max-children=32 "UNIX-CONNECT:$checker" 2>/dev/null &
forwarder=$!

start=$1
if [ ! -f "$start" ]; then
    echo "mlebench: there is no start script $start" >&2
    exit 127
fi
[ -x "$start" ] || set -- sh "$@"

is_listening() { grep -q ' 0100007F:1388 00000000:0000 0A ' /proc/net/tcp; }
# the agent's first question may be its first command
tries=0
while [ "$tries" -lt 500 ] && kill -0 "$forwarder" 2>/dev/null && ! is_listening; do
    tries=$((tries + 1))
    sleep 0.02
done

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
# what the agent left in the background is saving its work too; the engine ends it when the grace period is over
while [ -n "$told" ] && others_work; do sleep 0.1; done
exit "$code"
