"""The errors that a job reports as a sentence rather than as a stack trace; a message quotes no personal data."""

from typing import Any

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkException


class JobError(Exception):
    """What keeps a job from publishing; the message says what is wrong and what to do about it."""


class BadInputError(JobError):
    """Input or surroundings that a job cannot work with."""


class AuditError(JobError):
    """A result that must not be published."""


def causes(error: Py4JJavaError) -> list[Any]:
    """Return the Java exceptions behind an error of Spark's, innermost last; raises Py4JError when Java has gone."""
    found = [error.java_exception]
    while (cause := found[-1].getCause()) is not None:
        found.append(cause)
    return found


def in_words(error: Py4JError | PySparkException | OSError) -> str:
    """Return what to say about an error of Spark's or the system's that nobody foresaw: its cause, and which file."""
    if isinstance(error, OSError) and not isinstance(error, ConnectionError):
        what = f"{error.filename or 'A file'} cannot be used: {error.strerror or error}"
        return f"{what}. Nothing is lost: put it right and run the workflow again."
    try:
        if isinstance(error, Py4JJavaError):
            said = [cause.getMessage() or cause.getClass().getName() for cause in causes(error)]
        elif isinstance(error, PySparkException):
            said = [str(error)]
        else:
            raise error
    except (Py4JError, OSError):
        return "Spark ended in the midst of its work. Its log may say why; most often it lacks memory."
    sentences = [text.strip().splitlines()[0].rstrip(".") for text in said]
    place = next((text for text in reversed(sentences) if "://" in text), sentences[-1])
    what = ": ".join(dict.fromkeys((place, sentences[-1])))
    return f"Spark failed: {what}. Its log has the details. Nothing is lost: put it right and run the workflow again."
