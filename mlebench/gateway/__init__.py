"""The gateway to models: agents ask it over a Unix socket, and it asks providers, with keys that agents never see."""
