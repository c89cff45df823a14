#!/bin/sh
exec python "$AGENT_DIR/gemini_cli.py" "$@"
