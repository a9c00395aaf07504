"""`nightshift bench two_at_once`: slowdown of two runs at once, by the way in which torch's threads wait.

It runs 150 training steps of a stack of linear layers in subprocesses, one alone and two at once.
"""

import argparse
import os
import subprocess
import sys
from typing import Any

STEPS = """
import sys, time, torch
torch.manual_seed(0)
model = torch.nn.Sequential(*[torch.nn.Linear(384, 384) for _ in range(12)])
rows, optimizer, begun = torch.randn(512, 384), torch.optim.AdamW(model.parameters()), time.perf_counter()
for _ in range(int(sys.argv[1])):
    model(rows).pow(2).mean().backward()
    optimizer.step()
    optimizer.zero_grad()
print(time.perf_counter() - begun)
"""
THREAD_VARIABLES = {
    "spinning": {},
    "passive": {"OMP_WAIT_POLICY": "PASSIVE"},
    "one thread each": {"OMP_NUM_THREADS": "1"},
}


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench two_at_once", allow_abbrev=False)
    parser.add_argument("--steps", type=int, default=150)
    steps = parser.parse_args(arguments).steps
    rows = [{"threads wait": name, "alone, s": round(seconds(1, steps, variables), 1),
             "two at once, s": round(seconds(2, steps, variables), 1)} for name, variables in THREAD_VARIABLES.items()]  # fmt: skip
    return {"table": rows, "notes": [f"{steps} training steps of 12 linear layers; of two, the slower one's seconds"]}


def seconds(count: int, steps: int, environment: dict[str, str]) -> float:
    """Return the seconds of the slowest of `count` processes that run at once."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    command = [sys.executable, "-c", STEPS, str(steps)]
    running = [subprocess.Popen(command, env=clean | environment, stdout=subprocess.PIPE) for _ in range(count)]
    return max(float(process.communicate()[0]) for process in running)


if __name__ == "__main__":
    from benchmarks import results

    print(results.table(main(sys.argv[1:])["table"]), end="")
