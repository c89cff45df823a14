"""The packaged agents for real: each in its container, with the gateway as its only network and a scripted model behind it."""
