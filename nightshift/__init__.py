"""The library that flows and tasks are made of; importable and testable without an orchestrator."""

from nightshift.inference import threads

threads.limit()
