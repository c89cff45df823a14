#!/bin/sh
exec /opt/mini-swe-agent/bin/python "$AGENT_DIR/mini_swe_agent.py" "$@"
