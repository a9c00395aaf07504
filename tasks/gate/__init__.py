"""The stage gate: the claims of a promotion, guardrails, the first version, the decision."""

from tasks.gate.stage import GateSettings, gate

__all__ = ["GateSettings", "gate"]
