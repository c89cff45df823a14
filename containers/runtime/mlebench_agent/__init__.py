"""The library that every agent finds in its container: the task, the models, and conversations with command-line agents.

    from mlebench_agent.task import Task
    from mlebench_agent.models import Models

It needs only Python 3.9 or later, is on the `PYTHONPATH` of every run, and is independent of the harness outside.
"""
