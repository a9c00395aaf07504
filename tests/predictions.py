"""Predictions for the rows of a source, as the command `predict` makes them."""

from flows.predict import data_settings, execution_settings, predict_rows, read_source


def predict_file(model_uri, source, output, objective="", compare="", params=None, **options):
    """Return the CSV text and the difference, as `predict_rows` does.

    Args:
        model_uri: Model URI.
        source: Path or address.
        output: File to write; None for CSV text.
        objective: Objective to predict.
        compare: Version to compare with.
        params: Generation parameters.
        options: Settings of the section `data`, and `settings_file`.
    """
    settings_file = str(options.pop("settings_file", ""))
    data = data_settings(str(source), settings_file, objective, options)
    execution = execution_settings(settings_file)
    return predict_rows(model_uri, data, output, objective, compare, params, execution)


def scored(source, settings_file="", **options):
    """Return the rows of a source to score, with their texts; relative paths start at the working directory."""
    return read_source(data_settings(source, settings_file, "", options))
