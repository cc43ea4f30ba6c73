"""The errors that a job reports as a sentence rather than as a stack trace; a message quotes no personal data."""


class JobError(Exception):
    """What keeps a job from publishing; the message says what is wrong and what to do about it."""


class BadInputError(JobError):
    """Input or surroundings that a job cannot work with."""


class AuditError(JobError):
    """A result that must not be published."""
