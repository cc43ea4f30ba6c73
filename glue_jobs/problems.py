"""The one error that a job reports as a sentence rather than as a stack trace."""


class BadInputError(Exception):
    """Input or surroundings that a job cannot work with; the message says what is wrong and what to do about it."""
