"""Train a step detector on the lakehouse's training table, as an analyst: `make train`, or see README.md beside this.

A moment is one measurement of a Step Trainer with the movements of the same millisecond. The label says whether a foot
passed within half the time between two moments. No subject is in two splits, and intervals come from resampling whole
subjects. Landing data without a label, such as the public STEDI data, gets another question, which any signal would
answer: does the movement tell whether the distance is shorter than usual?
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awswrangler as wr
import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pyiceberg.catalog import load_catalog
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

TABLES = ("machine_learning_curated", "training_split", "training_steps")
SUBJECT = "subject"
TIME = "sensorreadingtime"
SENSORS = ["distancefromobject", "x", "y", "z"]
NEIGHBOURS = (-2, -1, 1, 2)
"""Moments before and after a moment that its features include."""
RESAMPLES = 500
SEED = 1

NO_TAG = (
    "{name} has no tag {tag}: no run had that id, or an erasure, a withdrawal or its age took it. Nothing was trained. "
    "Without --tag the current tables are used."
)

Tables = dict[str, pd.DataFrame]


# Load


def load_with_pyiceberg(tag: str | None = None) -> Tables:
    """Return the three tables, as a tag shows them, or the current ones."""
    catalog, found = load_catalog(), {}
    for name in TABLES:
        table = catalog.load_table((os.environ["STEDI_DATABASE"], name))
        tagged = table.snapshot_by_name(tag) if tag else table.current_snapshot()
        if tag and tagged is None:
            raise SystemExit(NO_TAG.format(name=name, tag=tag))
        found[name] = table.scan(snapshot_id=tagged.snapshot_id if tagged else None).to_pandas()
    return found


def load_with_awswrangler(tag: str | None = None) -> Tables:
    """Return the same by Athena, in the workgroup of the analysts."""

    def ask(sql: str) -> pd.DataFrame:
        names = {"database": os.environ["STEDI_DATABASE"], "workgroup": os.environ["STEDI_WORKGROUP"]}
        return wr.athena.read_sql_query(sql, ctas_approach=False, **names)

    found = {}
    for name in TABLES:
        version = ""
        if tag:  # Athena travels to snapshots by their ids
            refs = ask(f'SELECT name, snapshot_id FROM "{name}$refs"').set_index("name")["snapshot_id"]
            if tag not in refs:
                raise SystemExit(NO_TAG.format(name=name, tag=tag))
            version = f" FOR VERSION AS OF {refs[tag]}"
        found[name] = ask(f'SELECT * FROM "{name}"{version}')
    return found


# Prepare


@dataclass(frozen=True)
class Question:
    """What a model is asked: moments with features, and the answer."""

    moments: pd.DataFrame
    features: Sequence[str]
    baseline: Sequence[str]
    """The feature that the baseline may use."""
    has_label: bool
    left_out: int
    """Training rows that are in no split."""


def prepare(tables: Tables) -> Question:
    """Return the moments of the training rows with features, split and answer."""
    rows = tables["machine_learning_curated"]
    rows = rows.assign(**{SUBJECT: rows["subjectkey"].fillna(rows["serialnumber"])})
    rows = rows.merge(tables["training_split"], on=SUBJECT, how="inner")
    paired = rows.dropna(subset=["x"])
    left_out = len(tables["machine_learning_curated"]) - len(paired)
    moments = (
        paired.groupby([SUBJECT, "split", TIME], as_index=False)
        .agg(**{name: (name, "mean") for name in SENSORS}, spread=("z", "std"))
        .astype(dict.fromkeys(SENSORS, float))
        .sort_values([SUBJECT, TIME], ignore_index=True)
    )
    interval = moments.groupby(SUBJECT)[TIME].diff().median()
    features = [*SENSORS, "spread", *_add_neighbours(moments)]
    features = [name for name in features if moments[name].nunique() > 1]
    usual = moments.groupby(SUBJECT)["distancefromobject"].transform("median")
    steps = tables["training_steps"]
    if len(steps):
        moments["answer"] = _step_near(moments, steps, interval / 2)
        moments["shorter"] = moments["distancefromobject"] - usual
        return Question(moments, [*features, "shorter"], ["shorter"], has_label=True, left_out=left_out)
    moments["answer"] = moments["distancefromobject"] < usual
    # No distance: half of a subject's are below its median, so short ones near a moment make a long one likelier.
    movement = [name for name in features if not name.startswith("distancefromobject")]
    return Question(moments, movement, ["z"], has_label=False, left_out=left_out)


def _add_neighbours(moments: pd.DataFrame) -> list[str]:
    """Add the sensors of the moments around each moment, and how far away they are; return the new columns."""
    by_subject, added = moments.groupby(SUBJECT), []
    for offset in NEIGHBOURS:
        shifted = by_subject[[TIME, *SENSORS]].shift(-offset)
        moments[f"after {offset}"] = shifted[TIME] - moments[TIME]
        added.append(f"after {offset}")
        for name in SENSORS:
            moments[f"{name} {offset:+}"] = shifted[name]
            added.append(f"{name} {offset:+}")
    return added


def _step_near(moments: pd.DataFrame, steps: pd.DataFrame, milliseconds: float) -> pd.Series:
    """Tell for each moment whether its subject took a step at about that time."""
    known = {subject: np.sort(times.to_numpy()) for subject, times in steps.groupby(SUBJECT)["steptime"]}
    near = pd.Series(data=False, index=moments.index)
    for subject, times in moments.groupby(SUBJECT)[TIME]:
        taken = known.get(subject)
        if taken is not None:
            after = np.searchsorted(taken, times)
            closest = np.minimum(
                np.abs(times - taken[np.minimum(after, len(taken) - 1)]),
                np.abs(times - taken[np.maximum(after - 1, 0)]),
            )
            near[times.index] = closest <= milliseconds
    return near


# Train


def train(question: Question, *, shuffle: bool = False) -> dict[str, Any]:
    """Train the baseline and the model; return their scores and probabilities on the test subjects.

    With `shuffle` the answers are shuffled before: whatever a model still learns is an error of the method.
    """
    moments = question.moments
    if shuffle:
        moments = moments.assign(answer=np.random.default_rng(SEED).permutation(moments["answer"].to_numpy()))
    part = dict(iter(moments.groupby("split")))
    if missing := [split for split in ("train", "test") if split not in part or part[split]["answer"].nunique() < 2]:
        raise SystemExit(
            f"The split {' and '.join(missing)} has too few subjects. Load more data, or change training_split."
        )
    baseline = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))
    baseline.fit(part["train"][question.baseline], part["train"]["answer"])
    model = _boosted(question, part)
    test = part["test"]
    chances = {
        "baseline": baseline.predict_proba(test[question.baseline])[:, 1],
        "model": model.predict_proba(test[question.features])[:, 1],
    }
    return {
        "scores": {name: score(test, chance) for name, chance in chances.items()},
        "chances": chances,
        "test": test,
    }


def _boosted(question: Question, part: dict[str, pd.DataFrame]) -> HistGradientBoostingClassifier:
    """Return the model of the number of rounds that is best on the validation subjects."""
    best, best_score = None, -np.inf
    judges = part.get("validation", part["train"])
    for rounds in (25, 50, 100, 200):
        model = HistGradientBoostingClassifier(
            max_iter=rounds,
            learning_rate=0.08,
            max_leaf_nodes=15,
            min_samples_leaf=30,
            random_state=SEED,
            early_stopping=False,
        ).fit(part["train"][question.features], part["train"]["answer"])
        reached = average_precision_score(judges["answer"], model.predict_proba(judges[question.features])[:, 1])
        if reached > best_score:
            best, best_score = model, reached
    return best


def score(test: pd.DataFrame, chance: np.ndarray) -> dict[str, list[float]]:
    """Return ROC AUC and average precision, each with its 95 % interval over resampled subjects."""
    answers = test["answer"].to_numpy()
    places = list(test.reset_index(drop=True).groupby(SUBJECT).indices.values())
    random, found = np.random.default_rng(SEED), []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([places[number] for number in random.integers(len(places), size=len(places))])
        if 0 < answers[drawn].sum() < len(drawn):
            found.append(
                (roc_auc_score(answers[drawn], chance[drawn]), average_precision_score(answers[drawn], chance[drawn]))
            )
    low, high = np.percentile(found, [2.5, 97.5], axis=0)
    whole = roc_auc_score(answers, chance), average_precision_score(answers, chance)
    names = ("roc_auc", "average_precision")
    return {
        name: [round(float(value), 3) for value in values]
        for name, *values in zip(names, whole, low, high, strict=True)
    }


def verdict(question: Question, trained: dict[str, Any]) -> str:
    """Say in a sentence what came out."""
    value, low, high = trained["scores"]["model"]["roc_auc"]
    measured = f"ROC AUC {value:.3f}, 95 % interval {low:.3f} to {high:.3f}, on unseen subjects"
    asked = "A step" if question.has_label else "There is no label. Whether the distance is shorter than usual"
    if low > 0.5:
        return f"{asked} can be told from the sensors: {measured}."
    return f"{asked} cannot be told from the sensors, no signal: {measured}, and 0.5 is chance."


# Show


def curves(question: Question, trained: dict[str, Any]) -> Figure:
    """Draw precision against recall of both models."""
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.subplots()
    answers = trained["test"]["answer"]
    for name, chance in trained["chances"].items():
        precision, recall, _ = precision_recall_curve(answers, chance)
        axes.plot(recall, precision, label=f"{name}: {trained['scores'][name]['average_precision'][0]:.2f}")
    axes.axhline(answers.mean(), color="grey", linestyle=":", label=f"chance: {answers.mean():.2f}")
    what = "Steps" if question.has_label else "Shorter distances (no label)"
    axes.set(xlabel="recall", ylabel="precision", title=f"{what} of unseen subjects", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(title="average precision")
    return figure


def walk(trained: dict[str, Any]) -> Figure:
    """Draw the walk of the test subject with most moments: distance, answer, and what the model says."""
    test = trained["test"].assign(chance=trained["chances"]["model"])
    one = test[test[SUBJECT] == test[SUBJECT].value_counts().index[0]]
    seconds = (one[TIME] - one[TIME].min()) / 1000
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    above.plot(seconds, one["distancefromobject"], marker=".")
    above.set(ylabel="distance")
    for second in seconds[one["answer"]]:
        above.axvline(second, color="tab:green", alpha=0.3)
    below.plot(seconds, one["chance"], color="tab:orange", marker=".")
    below.set(xlabel="seconds", ylabel="model", ylim=(0, 1), title="green: the answer is yes")
    return figure


def main() -> None:
    """Train, print the scores, and write them with the plots to a folder."""
    parser = argparse.ArgumentParser(description="Train a step detector on the training table.")
    parser.add_argument("--tag", help="tag of a run, as run_<id>; by default the current tables")
    parser.add_argument("--client", choices=("pyiceberg", "awswrangler"), default="pyiceberg")
    parser.add_argument(
        "--shuffle", action="store_true", help="shuffle the answers, to see that nothing is learnt then"
    )
    parser.add_argument("--out", type=Path, default=Path("build/training"), help="folder for scores and plots")
    given = parser.parse_args()
    if "STEDI_DATABASE" not in os.environ:
        raise SystemExit("The analyst's variables are missing. Run: make analyst; source build/local/analyst.env")

    mpl.use("Agg")
    tables = load_with_awswrangler(given.tag) if given.client == "awswrangler" else load_with_pyiceberg(given.tag)
    question = prepare(tables)
    trained = train(question, shuffle=given.shuffle)
    moments = question.moments
    result = {
        "rows": len(tables["machine_learning_curated"]),
        "rows_in_no_split": question.left_out,
        "moments": {split: len(rows) for split, rows in moments.groupby("split")},
        "subjects": {split: rows[SUBJECT].nunique() for split, rows in moments.groupby("split")},
        "has_label": question.has_label,
        "share_of_yes": round(float(moments["answer"].mean()), 3),
        "scores": trained["scores"],
        "verdict": verdict(question, trained),
    }
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "scores.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    curves(question, trained).savefig(given.out / "curves.png", dpi=120)
    walk(trained).savefig(given.out / "walk.png", dpi=120)
    print(json.dumps(result, indent=2))
    print(f"{result['verdict']} Plots: {given.out}")


if __name__ == "__main__":
    main()
