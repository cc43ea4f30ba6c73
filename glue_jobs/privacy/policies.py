"""The choices that decide which rows count, and the named sets of them: the profiles."""

import json
from dataclasses import asdict, dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class Policies:
    """How strictly consent is read and readings are paired; the defaults are what the field's documents publish."""

    accelerometer_consent: Literal["any", "since_consent"] = "any"
    """All accelerometer readings of a customer who agreed, or only those at or after the consent."""

    step_trainer_consent: Literal["any", "since_consent"] = "any"
    """The same for the readings of the Step Trainer."""

    customer_records: Literal["each", "latest"] = "each"
    """Each record of an e-mail address counts on its own, or the latest one decides: without consent it withdraws."""

    shared_serial_number: Literal["any_owner", "all_owners"] = "any_owner"
    """A Step Trainer counts when one of its owners agreed, or only when all of them did."""

    training_match: Literal["timestamp", "timestamp_and_customer"] = "timestamp"
    """Training pairs readings of the same millisecond, or only those that are also of the same customer."""

    unmatched_steps: Literal["drop", "keep"] = "drop"
    """Step readings without an accelerometer reading are left out of training, or kept without movement."""

    training_subject: Literal["serial_number", "pseudonym"] = "serial_number"
    """Training rows carry the Step Trainer's serial number or, since that identifies a person, a pseudonym instead."""

    curated_identity: Literal["clear", "pseudonym"] = "clear"
    """Curated customers have their name, e-mail address and phone number, or a pseudonym in the place of each."""

    def to_json(self) -> str:
        """Return the policies as a JSON object, for the record."""
        return json.dumps(asdict(self))


PROFILES: Final = {
    "published": Policies(),
    "consent_date": Policies(accelerometer_consent="since_consent", unmatched_steps="keep"),
    "strict": Policies(
        accelerometer_consent="since_consent",
        step_trainer_consent="since_consent",
        customer_records="latest",
        shared_serial_number="all_owners",
        training_match="timestamp_and_customer",
    ),
}
