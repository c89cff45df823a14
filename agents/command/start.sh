#!/bin/sh
# Runs the command line given as `command=…` in a shell.
for word in "$@"; do
    case $word in command=*) line=${word#command=} ;; esac
done
if [ -z "${line:-}" ]; then
    echo "no command was given; set one with --argument command='…'" >&2
    exit 2
fi
exec /bin/sh -c "$line"
