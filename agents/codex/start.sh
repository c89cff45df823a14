#!/bin/sh
exec python "$AGENT_DIR/codex.py" "$@"
