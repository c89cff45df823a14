#!/bin/sh
exec python "$AGENT_DIR/claude_code.py" "$@"
