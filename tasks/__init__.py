"""The stages of a night, one module or package each: settings class, plain functions, one Prefect task."""

from nightshift import redaction

redaction.install()
