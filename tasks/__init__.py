"""One stage, one module: its settings class, its plain functions, its one task at the end."""

from tasks import redaction

redaction.install()
