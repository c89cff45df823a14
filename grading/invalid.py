"""The error of a submission that cannot be scored."""

from grading.printable import printable

_LONGEST_MESSAGE = 2_000


class InvalidSubmission(Exception):
    """The submission cannot be scored; the message says which column or ids are wrong and what is expected.

    Whatever a message quotes, it is printable, on one line and at most 2,000 characters long.
    """

    def __init__(self, message: str) -> None:
        # escaped first, since that makes it longer
        super().__init__(printable(printable(message, 5 * _LONGEST_MESSAGE), _LONGEST_MESSAGE))


class RefusedCells(InvalidSubmission):
    """Cells of a column are not of its kind; the message shows the first one."""
