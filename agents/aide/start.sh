#!/bin/sh
# Arguments `key=value`; agent.yaml names them.
exec python "${AGENT_DIR:-/home/agent}/run_aide.py" "$@"
