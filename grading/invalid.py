"""The error of a submission that cannot be scored."""


class InvalidSubmission(Exception):
    """The submission cannot be scored; the message says which column or ids are wrong and what is expected."""
