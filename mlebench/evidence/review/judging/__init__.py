"""Questions that a judging model is asked about what a run left."""
