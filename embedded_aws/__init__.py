"""An AWS on this machine: moto on loopback, extended to run Glue jobs and workflows for real.

The public interface is what is imported here. Each project folder has at most one embedded AWS, a background process:

- `up(project_root)` starts it, or returns the one that is running.
- `status(project_root)` returns the running one, or None.
- `down(project_root)` stops it and deletes its data.

`EmbeddedAws` has the endpoint and the credentials; `EmbeddedAwsError` says why it did not start. The dependencies are
the extra `embedded-aws` of pyproject.toml.
"""

from embedded_aws.connection import EmbeddedAws
from embedded_aws.lifecycle import EmbeddedAwsError, down, status, up

__all__ = ["EmbeddedAws", "EmbeddedAwsError", "down", "status", "up"]
