"""The files of a drafted folder that are made from the data's schema and from its pages: `mock.py` and the texts."""

from mlebench.scaffold.draft.written.description import description_source, licence_note
from mlebench.scaffold.draft.written.mock import mock_source

__all__ = ["description_source", "licence_note", "mock_source"]
