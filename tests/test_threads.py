"""Thread counts go by what this process may use: CPU affinity and the quotas of its cgroups, v1 and v2."""

import os
from pathlib import Path

import pytest
import torch

from nightshift.inference import predictor, threads
from nightshift.inference.predictor import available_cpus

V2 = "30 23 0:26 {mounted} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
V1 = "31 23 0:27 {mounted} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
OTHER_MOUNTS = (
    "32 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n33 23 0:29 / / rw - ext4 /dev/sda1 rw\n"
)


@pytest.fixture
def eight(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def tree(root, cgroup, mountinfo, files):
    """Write the files that tell a process its limits below a root, and return the root.

    Args:
        root: Folder that stands for /.
        cgroup: Text of /proc/self/cgroup.
        mountinfo: First lines of /proc/self/mountinfo.
        files: Texts of further files by path.
    """
    files = {"proc/self/cgroup": cgroup, "proc/self/mountinfo": mountinfo + OTHER_MOUNTS} | files
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("group", "mounted", "quotas", "cpus"),
    [
        ("/", "/", {"": "200000 100000"}, 2),
        ("/", "/", {"": "150000 100000"}, 2),
        ("/", "/", {"": "50000 100000"}, 1),
        ("/", "/", {"": "max 100000"}, 8),
        ("/", "/", {"": "9900000 100000"}, 8),
        ("/", "/", {"": "nonsense"}, 8),
        ("/", "/", {}, 8),
        ("/user.slice/a.scope", "/", {"user.slice/a.scope": "max 100000", "user.slice": "300000 100000"}, 3),
        ("/docker/1/b", "/docker/1", {"b": "400000 100000"}, 4),
        ("/../../x", "/", {"": "500000 100000"}, 5),
    ],
)
def test_version_2(eight, tmp_path, group, mounted, quotas, cpus):
    files = {f"sys/fs/cgroup/{folder}/cpu.max": text for folder, text in quotas.items()}
    assert available_cpus(tree(tmp_path, f"0::{group}\n", V2.format(mounted=mounted), files)) == cpus


@pytest.mark.parametrize(
    ("group", "mounted", "quota", "cpus"),
    [("/", "/", "250000", 3), ("/docker/1", "/docker/1", "100000", 1), ("/", "/", "-1", 8)],
)
def test_version_1(eight, tmp_path, group, mounted, quota, cpus):
    folder = "sys/fs/cgroup/cpu,cpuacct/"
    files = {folder + "cpu.cfs_quota_us": f"{quota}\n", folder + "cpu.cfs_period_us": "100000\n"}
    cgroup = f"4:memory:/m\n3:cpu,cpuacct:{group}\n0::/\n"
    assert available_cpus(tree(tmp_path, cgroup, V1.format(mounted=mounted), files)) == cpus


def test_without_cgroups_the_affinity_counts(eight, tmp_path):
    assert available_cpus(tmp_path) == 8


@pytest.mark.parametrize(("cpus", "set_before", "expected"), [(1, None, "1"), (8, None, None), (1, "2", "2")])
def test_torch_is_kept_to_them(eight, monkeypatch, cpus, set_before, expected):
    num_threads = torch.get_num_threads()
    monkeypatch.setattr(threads, "available_cpus", lambda: cpus)
    monkeypatch.setenv("OMP_NUM_THREADS", set_before or "")
    if set_before is None:
        monkeypatch.delenv("OMP_NUM_THREADS")
    try:
        threads.limit()
        assert os.environ.get("OMP_NUM_THREADS") == expected
        assert torch.get_num_threads() == (1 if expected == "1" else num_threads)
    finally:
        torch.set_num_threads(num_threads)


def test_nobody_asks_for_the_cores_of_the_host():
    root = Path(predictor.__file__).parents[2]
    files = [
        file
        for folder in ("cli", "flows", "tasks", "nightshift", "benchmarks")
        for file in (root / folder).rglob("*.py")
    ]
    asking = {file.name for file in files if "cpu_count(" in file.read_text()}
    assert asking <= {"predictor.py", "threads.py", "results.py"}
