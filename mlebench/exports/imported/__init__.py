"""Results of other harnesses as run groups: read, held to what they state, and written whole or not at all."""
