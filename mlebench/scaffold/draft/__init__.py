"""Drafts a competition folder from raw data: works out ids, targets, files and metric, and says of each guess why it was made."""

from mlebench.scaffold.draft.folder import write_draft as write_draft
from mlebench.scaffold.draft.working_out import draft as draft
