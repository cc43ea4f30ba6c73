"""Split the training table into train, validation and test, so that no subject is in two of them.

Subjects that share a Step Trainer, a customer or a training row are one group, and a group is never divided: a model
that saw one of them in training would be tested on a person whom it knows. Where the policies pair readings of two
people, chains of such pairs make large groups. A keyed hash of a group chooses its split, so the split stays the same
from run to run and tells nothing about the group.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from pseudonyms import keyed_hash

TABLE: Final = "training_split"
LARGE: Final = 0.25
"""Share of all subjects above which a group goes to train: as a test it would be one of very few."""
DIGITS: Final = 13  # hexadecimal digits of a hash that a float holds exactly


@dataclass(frozen=True)
class Shares:
    """Shares of the subjects that validate and test a model, 0 to 1 together; the others train it."""

    validation: float = 0.15
    test: float = 0.15

    def split_of(self, group: str, key: bytes) -> str:
        """Return the split of a group."""
        position = int(keyed_hash(key, f"split {group}")[:DIGITS], 16) / 16**DIGITS
        if position < self.test:
            return "test"
        return "validation" if position < self.test + self.validation else "train"


def assign(pairs: Collection[tuple[str, str]], shares: Shares, key: bytes) -> dict[str, str]:
    """Return the split of each Step Trainer and each customer.

    `pairs` are the Step Trainer and the customer of training rows, by names that differ between the two kinds.
    """
    group_of = _groups(pairs)
    sizes = Counter(group_of.values())
    large = {group for group, size in sizes.items() if size > LARGE * len(group_of) and len(sizes) > 1 / LARGE}
    split_of = {group: "train" if group in large else shares.split_of(group, key) for group in sizes}
    return {name: split_of[group] for name, group in group_of.items()}


def _groups(pairs: Collection[tuple[str, str]]) -> Mapping[str, str]:
    """Return the group of each name: the smallest name that pairs connect it with."""
    groups = {name: [name] for pair in pairs for name in pair}
    for device, customer in pairs:
        large, small = groups[device], groups[customer]
        if large is not small:
            if len(large) < len(small):
                large, small = small, large
            large += small
            groups.update(dict.fromkeys(small, large))
    group_of: dict[str, str] = {}
    for name, group in groups.items():
        if name not in group_of:
            group_of.update(dict.fromkeys(group, min(group)))
    return group_of
