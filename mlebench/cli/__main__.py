"""`python -m mlebench.cli`, as scripts of the published harness call it."""

import sys

from mlebench.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
