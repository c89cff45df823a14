"""Competitions as tasks of Harbor: a folder with an image for the agent and another, which alone sees answers, that grades."""
