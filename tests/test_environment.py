"""`python -m cli.environment`, with which servers and workers are started in containers and by systemd."""

import json
import os
import subprocess
import sys
from pathlib import Path

from cli.environment import DEFAULTS, SERVER_DEFAULTS

PRINT_ENVIRONMENT = [sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]


def execute(home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.environment", *PRINT_ENVIRONMENT]
    environment = {"PATH": os.environ["PATH"], "NIGHTSHIFT_HOME": str(home), **variables}
    root = Path(__file__).parent.parent
    return subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=False)


def test_a_command_gets_the_environment_of_servers_and_keeps_variables_that_are_set(tmp_path):
    result = execute(tmp_path, PREFECT_API_URL="https://prefect.example.org/api", PREFECT_LOGGING_LEVEL="WARNING")
    variables = json.loads(result.stdout)
    expected = DEFAULTS | SERVER_DEFAULTS | {"PREFECT_LOGGING_LEVEL": "WARNING"}
    assert {name: variables[name] for name in expected} == expected
    assert variables["PREFECT_RESULTS_LOCAL_STORAGE_PATH"] == str(tmp_path / "artifacts")
    assert "PREFECT_API_AUTH_STRING" not in variables


def test_an_unusable_home_is_one_line_and_exit_code_2(tmp_path):
    result = execute(tmp_path / "what?")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("NIGHTSHIFT_HOME: ") and result.stderr.count("\n") == 1
