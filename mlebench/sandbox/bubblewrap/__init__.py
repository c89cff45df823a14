"""The sandbox of local processes within walls of bubblewrap: separate namespaces, without an engine."""
