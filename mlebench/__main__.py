"""`python -m mlebench` is the command line."""

import sys

from mlebench.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
