"""The command line. Nothing imports this package; every command is a module that is imported when it is called.

`mlebench.cli:main` is the entry point that scripts of the published harness name. The module of the same name is found as
`mlebench.cli.main` by imports alone, so that the attribute stays the function whatever has been imported before.
"""

import sys
from types import ModuleType


def _main(arguments: list[str] | None = None) -> int:
    """Run one command; see `mlebench.cli.main`."""
    from mlebench.cli.main import main

    return main(arguments)


class _CommandLine(ModuleType):
    @property
    def main(self) -> object:
        return _main

    @main.setter
    def main(self, module: ModuleType) -> None:
        """Importing a module sets it as an attribute of its package."""


sys.modules[__name__].__class__ = _CommandLine
