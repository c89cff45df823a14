"""Turns columns into numbers by their type: numbers, dates, categories, codes with separators, and free text."""

from __future__ import annotations

import numpy as np
import pandas as pd

_MOST_CATEGORIES = 200


class Features:
    """Numeric columns for trees and linear models, and text columns for TF-IDF; fitted on train, applied to test."""

    def __init__(self, train: pd.DataFrame, test: pd.DataFrame, columns: list[str]) -> None:
        self.train: dict[str, np.ndarray] = {}
        self.test: dict[str, np.ndarray] = {}
        self.categorical: list[str] = []
        self.text_columns: list[str] = []
        for column in columns:
            self._add(column, train[column], test[column])

    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Numeric tables of train and test with the same columns; categories are codes, missing values NaN."""
        return pd.DataFrame(self.train), pd.DataFrame(self.test)

    def _add(self, name: str, train: pd.Series, test: pd.Series) -> None:
        if pd.api.types.is_bool_dtype(train) or pd.api.types.is_numeric_dtype(train):
            self._add_numbers(name, train, pd.to_numeric(test, errors="coerce"))
        elif train.map(lambda value: isinstance(value, (list, dict))).any():
            self._add_numbers(f"{name} length", train.map(_length), test.map(_length))
        else:
            self._add_strings(name, train, test)

    def _add_strings(self, name: str, train: pd.Series, test: pd.Series) -> None:
        texts = train.dropna().astype(str)
        if texts.empty:
            return
        dates = pd.to_datetime(texts.head(200), errors="coerce", format="mixed", utc=True)
        if texts.head(200).str.contains(r"\d{4}.\d{2}|\d{2}.\d{4}").all() and dates.notna().all():
            self._add_dates(name, train, test)
        elif texts.nunique() <= min(_MOST_CATEGORIES, max(2, len(texts) / 4)):
            self._add_categories(name, train, test)
        elif texts.str.contains(r"[A-Za-z].*\s+.*[A-Za-z]").mean() > 0.5 and texts.str.len().mean() > 20:
            self.text_columns.append(name)
            self._add_numbers(f"{name} length", train.map(_length), test.map(_length))
            self._add_numbers(f"{name} words", train.astype(str).str.count(r"\s"), test.astype(str).str.count(r"\s"))
        elif texts.str.contains(r"[/_]").mean() > 0.9:
            self._add_parts(name, train, test)
        else:
            counts = pd.concat([train, test]).astype(str).value_counts()
            self._add_numbers(f"{name} count", train.astype(str).map(counts), test.astype(str).map(counts))

    def _add_numbers(self, name: str, train: pd.Series, test: pd.Series) -> None:
        self.train[name] = train.astype(float).replace([np.inf, -np.inf], np.nan).to_numpy()
        self.test[name] = test.astype(float).replace([np.inf, -np.inf], np.nan).to_numpy()

    def _add_dates(self, name: str, train: pd.Series, test: pd.Series) -> None:
        both = [pd.to_datetime(values, errors="coerce", format="mixed", utc=True) for values in (train, test)]
        for part in ("year", "month", "day", "dayofweek", "hour"):
            self._add_numbers(f"{name} {part}", *[getattr(dates.dt, part) for dates in both])

    def _add_categories(self, name: str, train: pd.Series, test: pd.Series) -> None:
        codes = {value: code for code, value in enumerate(sorted(train.dropna().astype(str).unique()))}
        self.categorical.append(name)
        self._add_numbers(
            name,
            train.astype(str).where(train.notna()).map(codes),
            test.astype(str).where(test.notna()).map(codes),
        )

    def _add_parts(self, name: str, train: pd.Series, test: pd.Series) -> None:
        """Codes such as `B/0/P`: one column for each part, and the number of rows that share all but the last part."""
        split = [values.astype(str).where(values.notna()).str.split(r"[/_]", expand=True) for values in (train, test)]
        for part in split[0].columns[:6]:
            if part not in split[1].columns:
                continue
            numbers = pd.to_numeric(split[0][part], errors="coerce")
            if numbers.notna().sum() >= split[0][part].notna().sum():
                self._add_numbers(f"{name} {part}", numbers, pd.to_numeric(split[1][part], errors="coerce"))
            elif split[0][part].nunique() <= _MOST_CATEGORIES:
                self._add_categories(f"{name} {part}", split[0][part], split[1][part])
        stems = [values.astype(str).str.rpartition("_" if "_" in str(train.iloc[0]) else "/")[0] for values in (train, test)]
        counts = pd.concat(stems).value_counts()
        self._add_numbers(f"{name} shared", stems[0].map(counts), stems[1].map(counts))


def _length(value: object) -> int:
    return len(value) if isinstance(value, (str, list, dict)) else 0
