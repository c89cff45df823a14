"""What every agent finds in its container to build on: the task, the models, and a conversation with a command-line agent.

    from mlebench_agent.task import Task
    from mlebench_agent.models import Models

It needs Python 3.9 or later and nothing else, is on `PYTHONPATH` of every run, and knows nothing of the harness outside.
"""
