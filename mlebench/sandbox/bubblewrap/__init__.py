"""The sandbox of processes of this machine within walls of bubblewrap: namespaces of their own, and no engine."""
