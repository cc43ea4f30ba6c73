"""The policies that decide which rows count, and the profiles, named sets of them: policies.json declares both.

The first value of a policy is its default. A profile lists what it sets otherwise; the first profile is the default.
Terraform and the command line read the same file.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import extra_files
from problems import BadInputError

FILE: Final = "policies.json"
DECLARED: Final[Mapping[str, Any]] = json.loads(extra_files.read(FILE))
ALLOWED: Final[Mapping[str, list[str]]] = {name: list(spec["values"]) for name, spec in DECLARED["policies"].items()}
"""Values of each policy."""
IDENTITY_POLICY_OF_TABLE: Final[Mapping[str, str]] = {
    spec["identifies_people_in"]: name for name, spec in DECLARED["policies"].items() if "identifies_people_in" in spec
}
"""By table, the policy that decides how it identifies people.

Snapshots with different values must not both be readable.
"""


def problem(values: Mapping[str, object]) -> str | None:
    """Return what is wrong with policies that are set, with the allowed ones; None if nothing is."""
    for name, value in values.items():
        if name not in ALLOWED:
            return f"unknown policy {name!r} (choose from {', '.join(ALLOWED)})"
        if value not in ALLOWED[name]:
            return f"invalid {name} {value!r} (choose from {', '.join(ALLOWED[name])})"
    return None


class Policies(Mapping[str, str]):
    """The effective policies: the defaults, and what is set otherwise. Each is an attribute too."""

    def __init__(self, **values: str) -> None:
        if wrong := problem(values):
            raise BadInputError(f"{wrong}: see {FILE}.")
        self._values = {name: values.get(name, allowed[0]) for name, allowed in ALLOWED.items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> str:
        if name not in ALLOWED:
            raise AttributeError(f"There is no policy {name}: {FILE} declares {', '.join(ALLOWED)}.")
        return self._values[name]

    def __hash__(self) -> int:
        return hash(tuple(self._values.items()))

    def __repr__(self) -> str:
        return f"Policies({self.to_json()})"

    def replace(self, **values: str) -> "Policies":
        """Return these policies with others in place of some."""
        return Policies(**{**self, **values})

    def to_json(self) -> str:
        """Return the policies as a JSON object, for the record."""
        return json.dumps(dict(self))


def profiles(declared: Mapping[str, Mapping[str, Any]]) -> dict[str, Policies]:
    """Return the policies of each profile; a BadInputError names the profile that sets what is not allowed."""
    for name, profile in declared.items():
        if wrong := problem(profile["policies"]):
            raise BadInputError(f"{FILE}: profile {name} has an {wrong}. Nothing was published; correct the file.")
    return {name: Policies(**profile["policies"]) for name, profile in declared.items()}


PROFILES: Final = profiles(DECLARED["profiles"])
