"""The command line and what it starts on this machine: servers, deployments and checks."""

from nightshift import redaction

redaction.install()
