"""The stage gate: the claims of a promotion, guardrails, the first version, the decision."""
