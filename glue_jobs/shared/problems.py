"""Errors that a job reports as a message rather than a stack trace; messages quote no personal data."""

from typing import Any

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkException


class JobError(Exception):
    """A reason not to publish; the message says what is wrong and what to do about it."""


class BadInputError(JobError):
    """Input or environment that a job cannot work with."""


class AuditError(JobError):
    """A result that must not be published."""


def causes(error: Py4JJavaError) -> list[Any]:
    """Return the Java exceptions behind a Spark error, innermost last; raises a Py4JError if the JVM is gone."""
    found = [error.java_exception]
    while (cause := found[-1].getCause()) is not None:
        found.append(cause)
    return found


def describe_error(error: Py4JError | PySparkException | OSError) -> str:
    """Describe an unexpected error of Spark or the operating system: its cause, and the file concerned."""
    if isinstance(error, OSError) and not isinstance(error, ConnectionError):
        what = f"{error.filename or 'A file'} cannot be used: {error.strerror or error}"
        return f"{what}. No data is lost. Fix the cause and run the workflow again."
    try:
        if isinstance(error, Py4JJavaError):
            messages = [cause.getMessage() or cause.getClass().getName() for cause in causes(error)]
        elif isinstance(error, PySparkException):
            messages = [str(error)]
        else:
            raise error
    except (Py4JError, OSError):
        return "The Spark driver exited unexpectedly, most often out of memory. See the log of the job run."
    sentences = [text.strip().splitlines()[0].rstrip(".") for text in messages]
    place = next((text for text in reversed(sentences) if "://" in text), sentences[-1])
    what = ": ".join(dict.fromkeys((place, sentences[-1])))
    return (
        f"Spark failed: {what}. See the log of the job run. No data is lost. Fix the cause and run the workflow again."
    )
