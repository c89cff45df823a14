"""Checks of a dataclass's fields that pydantic makes, for dataclasses that are declared without importing pydantic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


class LateCheck:
    """Stands in `Annotated[…]` for one of pydantic's own annotations, which is made when something is first validated."""

    def __init__(self, name: Literal["AfterValidator", "BeforeValidator", "Field"], *arguments: Any, **options: Any) -> None:
        self._name, self._arguments, self._options = name, arguments, options

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        import pydantic

        check = getattr(pydantic, self._name)(*self._arguments, **self._options)
        return handler.generate_schema(Annotated[source, check])
