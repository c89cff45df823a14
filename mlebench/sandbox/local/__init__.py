"""The sandboxes of processes of this machine: how they are laid out, held and ended, whatever walls stand around them."""
