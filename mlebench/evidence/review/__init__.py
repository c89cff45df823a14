"""Review of run groups: rules broken, code taken from elsewhere, and what a judging model says about logs and code."""
