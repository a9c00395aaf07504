"""Registered versions, read with nightshift's own code, and what they answer on a night's rows."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from nightshift.errors import DamagedVersionError, NightshiftError
from nightshift.evaluation import kinds, scoring
from nightshift.evaluation.significance import Tables
from nightshift.records import GENERATIVE, Kind, Objective, Registered, Standing
from nightshift.registry import model_registry
from nightshift.registry.registered_model import RegisteredModel

SIDES = ("holdout", "validation")


class VersionPredictor:
    """A registered version that answers on rows of a night."""

    def __init__(self, name: str, number: str, several: bool) -> None:
        self.model, self.several = RegisteredModel(model_registry.version(name, number)), several

    def ask(self, frame: pd.DataFrame, objective: Objective, **params: Any) -> pd.DataFrame:
        """Its answers; raises ValueError where it was not made for this objective."""
        named = self.several or objective.kind in GENERATIVE
        return self.model.answers(frame, objective.name if named else "", **params)

    def tables(self, objectives: list[Objective], side: str) -> Tables:
        """Its answers on each objective's rows of a side."""
        return {o.name: self.table(scoring.side_of(o, side), o) for o in objectives}

    def table(self, frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
        """Its answers to a frame's rows, see `nightshift.evaluation.kinds`; without labels where the frame has none."""
        answers = READERS[objective.kind](self, _columns(frame, objective), objective)
        return scoring.table(frame, objective, answers)

    def size_mb(self) -> float:
        """Return the size of the model's files, in 10^6 bytes."""
        return self.model.size_mb

    def timed(self, objective: Objective) -> Callable[[Sequence[str], Sequence[str] | None], Any]:
        """What is called to measure its cost."""
        short = {"max_new_tokens": scoring.SHORT} if objective.kind in GENERATIVE else {}

        def one(texts: Sequence[str], pairs: Sequence[str] | None) -> Any:
            columns = {"text": texts} | ({} if pairs is None else {"text_pair": pairs})
            return self.ask(pd.DataFrame(columns), objective, **short)

        return one


def _columns(frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    asked = frame[[name for name in ("text", "text_pair") if name in frame]]
    return asked.assign(target=frame["label"]) if objective.kind == "generation" and "label" in frame else asked


def _label(served: VersionPredictor, frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    answers = served.ask(frame, objective)
    if not {"label", "scores"} <= set(answers):
        raise ValueError(f"it answers with {', '.join(map(str, answers))}, not with label and scores")
    scores = pd.DataFrame(answers["scores"].tolist()).add_prefix(kinds.SCORE)
    columns = answers[[name for name in ("label", kinds.ABSTAIN) if name in answers]]
    return pd.concat([columns.rename(columns={"label": "predicted"}).reset_index(drop=True), scores], axis=1)


def _number(served: VersionPredictor, frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    answers = served.ask(frame, objective)
    if "label" in answers:
        raise ValueError("it answers with labels, not with numbers")
    return answers[["score"]].set_axis(["predicted"], axis=1)


def _loss(served: VersionPredictor, frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    return served.ask(frame, objective, score=True)[["loss", "tokens"]]


def _text(served: VersionPredictor, frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    return served.ask(frame, objective)[["text"]].set_axis(["predicted"], axis=1)


READERS: dict[Kind, Callable[[VersionPredictor, pd.DataFrame, Objective], pd.DataFrame]] = {
    "classification": _label,
    "regression": _number,
    "generation": _loss,
    "text2text": _text,
}


def predict_versions(
    registered: Registered, standing: Standing, objectives: list[Objective]
) -> tuple[dict[str, VersionPredictor], dict[str, dict[str, Tables]], dict[str, str]]:
    """By role the versions, by side and role their answers, and by role why there are none.

    Raises NightshiftError if the champion is damaged: what is in production needs a person.
    """
    several = len(objectives) > 1
    served = {"challenger": VersionPredictor(registered.name, registered.version, several)}
    answers = {side: {"challenger": served["challenger"].tables(objectives, side)} for side in SIDES}
    unable: dict[str, str] = {}
    for role, number in (("champion", standing.champion), ("anchor", standing.anchor)):
        if number and number == standing.champion and "champion" in answers["holdout"]:
            found = {side: answers[side]["champion"] for side in SIDES}
        elif number:
            try:
                served[role] = VersionPredictor(registered.name, number, several)
                found = {side: served[role].tables(objectives, side) for side in SIDES}
            except DamagedVersionError as error:
                if role == "champion":
                    raise NightshiftError(
                        f"the champion is damaged: {error}; go back with `nightshift rollback {registered.name}`, or promote "
                        f"another version, such as tonight's {registered.version}, which was not compared"
                    ) from error
                unable[role] = f"cannot answer ({error})"
                continue
            except Exception as error:
                unable[role] = f"cannot answer for tonight's objectives ({' '.join(str(error).split())[:200]})"
                continue
        else:
            continue
        for side in SIDES:
            answers[side][role] = found[side]
    return served, answers, unable


def trained_keys(registered: Registered, standing: Standing) -> set[str]:
    """`row_key` of every row that the challenger, the champion or the anchor was ever trained on."""
    numbers = {registered.version, standing.champion, standing.anchor} - {None}
    return set().union(*(model_registry.trained_keys(registered.name, str(number)) for number in numbers))


def drop_rows(tables: dict[str, Tables], keys: set[str]) -> int:
    """Take the rows with these keys out of every role's tables, in place; how many they are of the challenger's."""
    before = sum(len(table) for table in tables["challenger"].values())
    for answers in tables.values():
        for name, table in answers.items():
            answers[name] = table[~table["row_key"].isin(keys)].reset_index(drop=True)
    return before - sum(len(table) for table in tables["challenger"].values())
