"""The command line. Nothing imports this package; every command is a module that is imported when it is called."""
