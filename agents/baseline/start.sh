#!/bin/bash
set -euo pipefail
export PYTHONPATH=${AGENT_DIR:-/home/agent}
exec python -m baseline "$@"
