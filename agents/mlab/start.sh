#!/bin/sh
exec python "$AGENT_DIR/mlab.py" "$@"
