"""The Great Expectations part of the data gate: suites, own expectations, the checkpoint and its Data Docs.

`import expectations` registers the own expectations with Great Expectations; they are the names of this package.
"""

from expectations.custom import (
    ExpectColumnDistinctLabelCountToBeAtLeast,
    ExpectColumnLabelsToBeInSet,
    ExpectColumnValueLengthsToBeUsual,
    ExpectColumnValuesToBeNumbers,
    ExpectRowsToBeFirstOccurrences,
    ExpectRowsToHaveOneLabel,
)
from expectations.drift import (
    ExpectDomainNotToDrift,
    ExpectLabelSharesNotToDrift,
    ExpectLengthsNotToDrift,
    ExpectUnknownWordsNotToDrift,
)
from expectations.freshness import ExpectColumnNewestDayVolumeToBeUsual, ExpectColumnTimesToBeRecent
from expectations.labels import ExpectColumnLabelsToBeFrequent, ExpectLabelNotToBeGivenAway
from expectations.near_duplicates import (
    ExpectColumnLabelsOfNearDuplicatesToBeEqual,
    ExpectColumnValuesNotToBeNearDuplicates,
)
from expectations.text_damage import (
    ExpectColumnValuesToBeInUsualScript,
    ExpectColumnValuesToBeNoRepetitions,
    ExpectColumnValuesToBeNoSpreadsheetErrors,
    ExpectColumnValuesToHaveLetters,
    ExpectColumnValuesToHaveNoControlCharacters,
    ExpectColumnValuesToHaveNoFormulaPrefix,
    ExpectColumnValuesToHaveNoMarkup,
    ExpectColumnValuesToHaveNoMojibake,
)
from expectations.tokens import ExpectColumnPairTokenCountsToBeAtMost, ExpectColumnTokenCountsToBeAtMost

__all__ = [
    "ExpectColumnDistinctLabelCountToBeAtLeast",
    "ExpectColumnLabelsOfNearDuplicatesToBeEqual",
    "ExpectColumnLabelsToBeFrequent",
    "ExpectColumnLabelsToBeInSet",
    "ExpectColumnNewestDayVolumeToBeUsual",
    "ExpectColumnPairTokenCountsToBeAtMost",
    "ExpectColumnTimesToBeRecent",
    "ExpectColumnTokenCountsToBeAtMost",
    "ExpectColumnValueLengthsToBeUsual",
    "ExpectColumnValuesNotToBeNearDuplicates",
    "ExpectColumnValuesToBeInUsualScript",
    "ExpectColumnValuesToBeNoRepetitions",
    "ExpectColumnValuesToBeNoSpreadsheetErrors",
    "ExpectColumnValuesToBeNumbers",
    "ExpectColumnValuesToHaveLetters",
    "ExpectColumnValuesToHaveNoControlCharacters",
    "ExpectColumnValuesToHaveNoFormulaPrefix",
    "ExpectColumnValuesToHaveNoMarkup",
    "ExpectColumnValuesToHaveNoMojibake",
    "ExpectDomainNotToDrift",
    "ExpectLabelNotToBeGivenAway",
    "ExpectLabelSharesNotToDrift",
    "ExpectLengthsNotToDrift",
    "ExpectRowsToBeFirstOccurrences",
    "ExpectRowsToHaveOneLabel",
    "ExpectUnknownWordsNotToDrift",
]
