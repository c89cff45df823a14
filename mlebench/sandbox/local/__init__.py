"""The sandbox that runs agents as processes of this machine; it isolates nothing."""
