"""The tests. Numeric libraries get one thread in each process: there is one process per core, and idle threads spin."""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
