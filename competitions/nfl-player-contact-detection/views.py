"""Cameras that show each play."""

VIEWS = ("All29", "Endzone", "Sideline")
