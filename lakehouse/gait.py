"""How people of the generated sample walk: what the sensors of a step show, and when the steps are.

A walk has a cadence of its own. At each step the phone jolts, and the distance to the object in front of the Step
Trainer falls while the foot passes. Both sensors are noisy, and drift over the walk; now and then something else
passes, so that neither tells the whole story.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Final

CADENCE: Final = (1.3, 2.2)  # steps per second, of a stroll and of a brisk walk
JITTER: Final = 0.04  # standard deviation of a step's time, as a share of the time between two steps
STANDING: Final = 0.25  # share of the steps at which a person stands still instead
PASSING: Final = 45.0  # milliseconds: standard deviation of the time that the foot is in front of the sensor
FAR: Final = (270, 295)  # distance to the object when no foot is there
CLOSER: Final = (25, 65)  # how much closer the foot is
PASSERS: Final = 0.6  # of other things, per second
SHORTEST, LONGEST = 201, 300  # distances that occur in the public data


@dataclass(frozen=True)
class Step:
    """A step: its time in epoch milliseconds, and the side to which it sways, -1 or 1."""

    at: float
    side: int


class Walk:
    """The walk of a device and those who carry it, over an interval of epoch milliseconds."""

    def __init__(self, random: Random, start: int, end: int) -> None:
        self._random = random
        self._start = start
        self._span = max(end - start, 1)
        self._between = 1000 / random.uniform(*CADENCE)
        self._strength = random.uniform(0.6, 1.2)
        self._far = random.uniform(*FAR)
        self._closer = random.uniform(*CLOSER)
        self._drift = [random.uniform(-0.3, 0.3) for _ in range(3)]
        self._drift_of_distance = random.uniform(-8, 8)
        self.steps = self._steps(start, end)
        self._passers = [random.uniform(start, end) for _ in range(round(PASSERS * self._span / 1000))]
        self._next = 0

    def movement(self, at: int) -> tuple[float, float, float]:
        """Return x, y and z at a time; times must not decrease."""
        jolt, passed = self._jolt(at)
        sway = passed.side if passed else 0
        still = (
            0.35 * self._strength * jolt,
            0.4 * self._strength * jolt * sway,
            -0.5 - self._strength * jolt,
        )
        progress = (at - self._start) / self._span
        drifting = zip(still, self._drift, strict=True)
        x, y, z = (value + drift * progress + self._random.gauss(0, 0.22) for value, drift in drifting)
        return x, y, z

    def distance(self, at: int, noise: float) -> int:
        """Return the distance at a time; `noise` is from -1 to 1."""
        jolt, _ = self._jolt(at)
        passing = max([jolt, *(_bell(at - passer) for passer in self._passers)])
        progress = (at - self._start) / self._span
        measured = self._far - self._closer * passing + self._drift_of_distance * progress + 20 * noise
        return round(min(max(measured, SHORTEST), LONGEST))

    def _jolt(self, at: int) -> tuple[float, Step | None]:
        """Return how close a time is to a step, from 0 to 1, and the closest step."""
        if not self.steps:
            return 0.0, None
        while self._next + 1 < len(self.steps) and abs(self.steps[self._next + 1].at - at) < abs(
            self.steps[self._next].at - at
        ):
            self._next += 1
        step = self.steps[self._next]
        return _bell(at - step.at), step

    def _steps(self, start: int, end: int) -> list[Step]:
        """Return the steps of the interval: a walk has begun before it and goes on after it."""
        steps, side = [], self._random.choice((-1, 1))
        beat = start + self._random.uniform(-1, 1) * self._between
        while beat < end + self._between:
            if self._random.random() >= STANDING:
                steps.append(Step(beat + self._random.gauss(0, JITTER) * self._between, side))
            beat, side = beat + self._between, -side
        return steps


def _bell(milliseconds: float) -> float:
    """Return 1 at a passage and less the further a time is from it."""
    return math.exp(-((milliseconds / PASSING) ** 2) / 2)
