"""The sandboxes of local processes: how they are laid out, supervised and ended, whatever walls surround them."""
