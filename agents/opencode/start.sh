#!/bin/sh
exec python "$AGENT_DIR/opencode.py" "$@"
