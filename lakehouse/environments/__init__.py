"""The two kinds of environment: local on the embedded AWS, and any other on AWS."""

from lakehouse.console import Display
from lakehouse.environments.aws import AwsEnvironment
from lakehouse.environments.base import Confirm, Environment, ask
from lakehouse.environments.local import LocalEnvironment
from lakehouse.project import Project

__all__ = ["AwsEnvironment", "Confirm", "Environment", "LocalEnvironment", "ask", "open_environment"]


def open_environment(project: Project, display: Display, port: int = 0) -> Environment:
    """Return the environment of a project; `port` is that of the embedded AWS, 0 takes a free one."""
    return LocalEnvironment(project, display, port) if project.is_local else AwsEnvironment(project, display)
