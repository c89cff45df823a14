#!/bin/sh
# PID 1's only child in every container: serves the submission checker on port 5000 and runs the agent.
#     entrypoint.sh START_SCRIPT [ARGUMENT...]
# Ends with the agent's exit code. A SIGTERM reaches every process, wherever the agent put it.

checker=/run/mlebench/checker.sock
socat TCP-LISTEN:5000,bind=127.0.0.1,reuseaddr,fork,max-children=32 "UNIX-CONNECT:$checker" 2>/dev/null &

start=$1
if [ ! -f "$start" ]; then
    echo "mlebench: there is no start script $start" >&2
    exit 127
fi
[ -x "$start" ] || set -- sh "$@"

"$@" &
agent=$!
trap 'kill -TERM -1 2>/dev/null' TERM INT
while :; do
    # a signal ends `wait` early; the agent may still be saving its work then
    wait "$agent"
    code=$?
    kill -0 "$agent" 2>/dev/null || exit "$code"
done
