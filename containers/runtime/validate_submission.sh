#!/bin/sh
# Checks whether a submission is valid, without scoring it.
#     /home/validate_submission.sh [SUBMISSION.csv]
# Exit code: 0 valid, 1 not valid, 2 the checker could not be reached.

submission=${1:-/home/submission/submission.csv}
if [ ! -f "$submission" ]; then
    echo "there is no file $submission" >&2
    exit 2
fi
answer=$(curl --silent --show-error --max-time 900 --unix-socket /run/mlebench/checker.sock \
    --header 'Accept: text/plain' --write-out '\n%{http_code}' \
    --form "file=@\"$submission\"" http://localhost/validate) || exit 2
status=$(printf '%s\n' "$answer" | tail -n 1)
text=$(printf '%s\n' "$answer" | sed '$d')
printf '%s\n' "$text"
[ "$status" = 200 ] || exit 2
case $text in "valid: "*) exit 0 ;; *) exit 1 ;; esac
