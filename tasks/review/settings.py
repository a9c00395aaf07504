"""Settings of the list of rows that a person is asked about."""

from pydantic import Field

from nightshift.records import Settings


class ReviewSettings(Settings):
    """The list of rows that a person is asked about."""

    rows: int = Field(50, ge=0, le=10_000)
    """Maximum number of rows in the list of each classification: probably wrong labels, near-duplicates with different
    labels, rows that the champion predicts right and the challenger wrong, and unlabelled rows that the model is least sure
    of; 0: no list.
    """
