#!/bin/sh
exec /opt/rd-agent/venv/bin/python "$AGENT_DIR/rd_agent.py" "$@"
