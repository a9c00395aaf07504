"""Runners of the independent calls of a night: one after the other in this process, or on the nodes of a Ray cluster."""
