#!/bin/sh
# Runs the command line given as `command=…` by a shell.
for word in "$@"; do
    case $word in command=*) line=${word#command=} ;; esac
done
if [ -z "${line:-}" ]; then
    echo "no command was given; say which with --argument command='…'" >&2
    exit 2
fi
exec /bin/sh -c "$line"
