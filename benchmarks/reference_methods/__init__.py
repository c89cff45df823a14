"""Reference methods of the research suite that take minutes to run: small, readable, NumPy only.

Start with `epistemic.py`, the interface that all of them share; then `mlebench/research/trained_networks.py` (members that are
trained side by side), `ensembles.py` (prior functions, bootstrapping), `epinet.py`, `hypermodel.py`. `leaderboards.py` runs them
and writes the `leaderboard.csv` of every research competition for the published key.
"""
