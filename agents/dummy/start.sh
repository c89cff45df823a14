#!/bin/bash
# Submits the sample submission unchanged.
set -euo pipefail
data=${DATA_DIR:-/home/data}
submission=${SUBMISSION_DIR:-/home/submission}

sample=$(find -L "$data" -maxdepth 1 -iregex '.*/[^/]*\(sample[^/]*submission\|random[^/]*predictions\)[^/]*\.csv\(\.zip\|\.7z\)?' | sort | head -n 1)
case $sample in
    '')
        echo "There is no sample submission in $data." >&2
        exit 1
        ;;
    *.csv) cp "$sample" "$submission/submission.csv" ;;
    *)
        unpacked=$(mktemp -d)
        trap 'rm -rf "$unpacked"' EXIT
        case $sample in
            *.zip) python3 -m zipfile -e "$sample" "$unpacked" ;;
            *.7z) (cd "$unpacked" && python3 -m py7zr x "$sample") ;;
        esac
        find "$unpacked" -name '*.csv' -exec cp {} "$submission/submission.csv" \;
        ;;
esac
echo "Submitted $(basename "$sample")."
