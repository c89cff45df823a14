#!/bin/sh
exec /opt/openhands/bin/python "$AGENT_DIR/run_openhands.py" "$@"
