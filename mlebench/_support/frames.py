"""Rows of plain values as a pandas table whose dtypes do not depend on the values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def typed_frame(rows: Sequence[Mapping[str, Any]], dtypes: Mapping[str, str]) -> pd.DataFrame:
    """A table with one row per mapping.

    Args:
        rows: values by column; None, or a missing key, becomes NA. Times are ISO texts.
        dtypes: the columns in their order, with the dtype of each.
    """
    import pandas as pd

    def column(name: str, dtype: Any) -> pd.Series[Any]:
        values = [row.get(name) for row in rows]
        if dtype.startswith("datetime"):
            return pd.to_datetime(pd.Series(values, dtype="object"), utc=True, format="ISO8601").astype(dtype)
        return pd.Series(values, dtype=dtype)

    return pd.DataFrame({name: column(name, dtype) for name, dtype in dtypes.items()}, columns=list(dtypes))
