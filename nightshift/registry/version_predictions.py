"""Predictions of registered versions on the rows of the objectives."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from nightshift.data.cleaning import raw_texts, seen_before
from nightshift.errors import DamagedVersionError, NightshiftError
from nightshift.evaluation import scoring
from nightshift.evaluation.claims import ROLLED_BACK
from nightshift.evaluation.kinds import form_of
from nightshift.evaluation.prediction_tables import ABSTAIN, SCORE, Form, Tables
from nightshift.records import GENERATIVE, Objective, Registered, RegistryState
from nightshift.registry import model_registry
from nightshift.registry.registered_model import RegisteredModel

SIDES = ("holdout", "validation")


class VersionPredictor:
    """A registered version that predicts the rows of objectives.

    Args:
        name: The registered model.
        number: The version.
        multi_task: The run has several objectives.
    """

    def __init__(self, name: str, number: str, multi_task: bool) -> None:
        self.model = RegisteredModel(model_registry.version(name, number))
        self.multi_task = multi_task

    def predict(self, frame: pd.DataFrame, objective: Objective, **params: Any) -> pd.DataFrame:
        """Return the predictions of a frame's rows; raise ValueError if the version does not have the objective."""
        needs_name = self.multi_task or objective.kind in GENERATIVE
        return self.model.answers(frame, objective.name if needs_name else "", **params)

    def tables(self, objectives: list[Objective], side: str) -> Tables:
        """Return the predictions on a side of each objective, by objective."""
        return {o.name: self.table(scoring.side_of(o, side), o) for o in objectives}

    def table(self, frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
        """Return the predictions of a frame's rows, see `nightshift.evaluation.prediction_tables`; with labels if the frame has them."""
        answers = READERS[form_of(objective)](self, _columns(frame, objective), objective)
        return scoring.table(frame, objective, answers)

    def size_mb(self) -> float:
        """Return the size of the model's files, in 10^6 bytes."""
        return self.model.size_mb

    def prediction_function(self, objective: Objective) -> Callable[[Sequence[str], Sequence[str] | None], Any]:
        """Return the function of texts and pairs that is called to measure latency."""
        params = {"max_new_tokens": scoring.TIMED_TOKENS} if objective.kind in GENERATIVE else {}

        def predict_texts(texts: Sequence[str], pairs: Sequence[str] | None) -> Any:
            columns = {"text": texts} | ({} if pairs is None else {"text_pair": pairs})
            return self.predict(pd.DataFrame(columns), objective, **params)

        return predict_texts


def _columns(frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    """Return the columns that a model reads, with texts as they were read: each version cleans them as it does in service."""
    columns = raw_texts(frame)[[name for name in ("text", "text_pair") if name in frame]]
    if objective.kind == "generation" and "label" in frame:
        return columns.assign(target=frame["label"])
    return columns


def _label(predictor: VersionPredictor, frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    answers = predictor.predict(frame, objective)
    if not {"label", "scores"} <= set(answers):
        raise ValueError(f"it answers with {', '.join(map(str, answers))}, not with label and scores")
    scores = pd.DataFrame(answers["scores"].tolist()).add_prefix(SCORE)
    columns = answers[[name for name in ("label", ABSTAIN) if name in answers]]
    return pd.concat([columns.rename(columns={"label": "predicted"}).reset_index(drop=True), scores], axis=1)


def _number(predictor: VersionPredictor, frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    answers = predictor.predict(frame, objective)
    if "label" in answers:
        raise ValueError("it answers with labels, not with numbers")
    return answers[["score"]].set_axis(["predicted"], axis=1)


def _loss(predictor: VersionPredictor, frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    return predictor.predict(frame, objective, score=True)[["loss", "tokens"]]


def _text(predictor: VersionPredictor, frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    return predictor.predict(frame, objective)[["text"]].set_axis(["predicted"], axis=1)


READERS: dict[Form, Callable[[VersionPredictor, pd.DataFrame, Objective], pd.DataFrame]] = {
    "labels": _label,
    "numbers": _number,
    "losses": _loss,
    "texts": _text,
}


def predict_versions(
    registered: Registered, registry_state: RegistryState, objectives: list[Objective]
) -> tuple[dict[str, VersionPredictor], dict[str, dict[str, Tables]], dict[str, str]]:
    """Predict both sides with the challenger, the champion, the anchor, and a version that was rolled back.

    Returns:
        The versions by role; the predictions by side and role; by role the reason why a version cannot predict.

    Raises:
        NightshiftError: The champion is damaged; a person has to decide about the version in production.
    """
    multi_task = len(objectives) > 1
    predictors = {"challenger": VersionPredictor(registered.name, registered.version, multi_task)}
    predictions = {side: {"challenger": predictors["challenger"].tables(objectives, side)} for side in SIDES}
    failures: dict[str, str] = {}
    numbers = {
        "champion": registry_state.champion,
        "anchor": registry_state.anchor,
        ROLLED_BACK: registry_state.rolled_back,
    }
    for role, number in numbers.items():
        if number and number == registry_state.champion and "champion" in predictions["holdout"]:
            tables = {side: predictions[side]["champion"] for side in SIDES}
        elif number:
            try:
                predictors[role] = VersionPredictor(registered.name, number, multi_task)
                tables = {side: predictors[role].tables(objectives, side) for side in SIDES}
            except DamagedVersionError as error:
                if role == "champion":
                    raise NightshiftError(
                        f"the champion is damaged: {error}; go back with `nightshift rollback {registered.name}`, or promote "
                        f"another version, such as tonight's {registered.version}, which was not compared"
                    ) from error
                failures[role] = f"cannot answer ({error})"
                continue
            except Exception as error:
                failures[role] = f"cannot answer for tonight's objectives ({' '.join(str(error).split())[:200]})"
                continue
        else:
            continue
        for side in SIDES:
            predictions[side][role] = tables[side]
    return predictors, predictions, failures


def trained_keys(registered: Registered, registry_state: RegistryState) -> set[str]:
    """Return the `row_key` of every row that one of the compared versions was ever trained on."""
    state = registry_state
    numbers = {registered.version, state.champion, state.anchor, state.rolled_back} - {None}
    return set().union(*(model_registry.trained_keys(registered.name, str(number)) for number in numbers))


def keys_known_by_raw_text(objective: Objective, keys: set[str]) -> set[str]:
    """Return the `row_key` of validation and holdout rows whose texts, before they were cleaned, have one of these keys.

    A version that was trained with another cleaning, or none, knows these rows by another key.
    """
    frames = [scoring.side_of(objective, side) for side in SIDES]
    return {key for frame in frames for key in frame.loc[seen_before(frame, keys), "row_key"]}


def drop_rows(tables: dict[str, Tables], keys: set[str]) -> int:
    """Remove the rows with these keys from the tables of every role, in place; return how many the challenger had."""
    rows_before = sum(len(table) for table in tables["challenger"].values())
    for predictions in tables.values():
        for name, table in predictions.items():
            predictions[name] = table[~table["row_key"].isin(keys)].reset_index(drop=True)
    return rows_before - sum(len(table) for table in tables["challenger"].values())
