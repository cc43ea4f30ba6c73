"""The embedded AWS: a moto server on loopback that really runs Glue jobs and workflows."""

from embedded_aws.process import Credentials, Sandbox, SandboxError, down, status, up

__all__ = ["Credentials", "Sandbox", "SandboxError", "down", "status", "up"]
