"""The error raised for a submission that cannot be scored."""

from grading.printable import printable

_LONGEST_MESSAGE = 2_000


class InvalidSubmission(Exception):
    """The submission cannot be scored; the message says which column or ids are wrong and what was expected.

    Messages are always printable, on one line and at most 2,000 characters long, whatever they quote.
    """

    def __init__(self, message: str) -> None:
        # escape first, since escaping makes it longer
        super().__init__(printable(printable(message, 5 * _LONGEST_MESSAGE), _LONGEST_MESSAGE))


class RefusedCells(InvalidSubmission):
    """Cells of a column are not of its kind; the message shows the first one."""
