"""The kinds of tampering, by what is tampered with."""

from __future__ import annotations

from tests.evidence.kinds.ledgers import LEDGERS
from tests.evidence.kinds.plan import PLAN
from tests.evidence.kinds.scores import SCORES
from tests.evidence.kinds.syntax import SYNTAX

KINDS = [*SCORES, *LEDGERS, *PLAN, *SYNTAX]
