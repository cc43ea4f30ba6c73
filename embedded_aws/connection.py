"""How to reach a running embedded AWS: endpoint, region, account and credentials."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final

HOST: Final = "127.0.0.1"


@dataclass(frozen=True)
class Credentials:
    """AWS credentials; those of an assumed role have a session token."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)

    @classmethod
    def random(cls) -> Credentials:
        """Return a new access key in the format of AWS."""
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
        return cls("AKIA" + "".join(secrets.choice(letters) for _ in range(16)), secrets.token_urlsafe(30))

    def environ(self) -> dict[str, str]:
        """Return the variables that pass these credentials to a child process."""
        variables = {"AWS_ACCESS_KEY_ID": self.access_key_id, "AWS_SECRET_ACCESS_KEY": self.secret_access_key}
        return variables | ({"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {})


@dataclass(frozen=True)
class EmbeddedAws:
    """A running embedded AWS: its address and the root user's credentials."""

    endpoint: str
    pid: int
    region: str = "us-east-1"
    account_id: str = "123456789012"
    credentials: Credentials = field(default_factory=Credentials.random)

    def environ(self) -> dict[str, str]:
        """Return the AWS_* variables that point any AWS client in a child process at this embedded AWS.

        The caller removes an inherited AWS_PROFILE and AWS_SESSION_TOKEN.
        """
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_MAX_ATTEMPTS": "2",  # on loopback a retry does not help
            "AWS_EC2_METADATA_DISABLED": "true",
            **self.credentials.environ(),
        }
