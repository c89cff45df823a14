#!/bin/sh
exec python "$AGENT_DIR/react.py" "$@"
