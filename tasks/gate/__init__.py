"""The stage gate: the claims of a promotion, guardrails, the first version, the decision."""

from tasks.gate.settings import GateSettings
from tasks.gate.stage import gate

__all__ = ["GateSettings", "gate"]
