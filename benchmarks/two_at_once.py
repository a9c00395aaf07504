"""What two nights at once cost each other, by how torch's threads wait: `python benchmarks/two_at_once.py`.

Runs 150 training steps of a stack of linear layers in processes of its own, alone and two at once, and prints seconds.
"""

import os
import subprocess
import sys

STEPS = """
import time, torch
torch.manual_seed(0)
model = torch.nn.Sequential(*[torch.nn.Linear(384, 384) for _ in range(12)])
rows, optimizer, begun = torch.randn(512, 384), torch.optim.AdamW(model.parameters()), time.perf_counter()
for _ in range(150):
    model(rows).pow(2).mean().backward()
    optimizer.step()
    optimizer.zero_grad()
print(time.perf_counter() - begun)
"""
WAYS = {"spinning": {}, "passive": {"OMP_WAIT_POLICY": "PASSIVE"}, "one thread each": {"OMP_NUM_THREADS": "1"}}


def seconds(count: int, environment: dict[str, str]) -> float:
    """The slowest of `count` processes that run at once."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    command = [sys.executable, "-c", STEPS]
    running = [subprocess.Popen(command, env=clean | environment, stdout=subprocess.PIPE) for _ in range(count)]
    return max(float(process.communicate()[0]) for process in running)


if __name__ == "__main__":
    print("| | alone | two at once |\n|---|---|---|")
    for name, environment in WAYS.items():
        print(f"| {name} | {seconds(1, environment):.1f} s | {seconds(2, environment):.1f} s |", flush=True)
