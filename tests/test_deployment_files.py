"""The files of deployments/team: there is no container engine here, so they are compared with schemas, sources and settings."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import compose_spec
import httpx
import kubernetes_validate
import mlflow.environment_variables
import pytest
import yaml
from prefect.settings import Settings
from prefect.settings.legacy import _get_settings_fields

from cli.deployment import JOB_TEMPLATE, POOL
from cli.servers import Keeper, Servers
from cli.supervision import Limits

ROOT = Path(__file__).parent.parent
TEAM = ROOT / "deployments/team"
KUBERNETES = "1.37"
SCRIPTS = Path(sys.executable).parent
TYPES = ("process", "docker", "kubernetes")
OTHER_VARIABLES = {"FORWARDED_ALLOW_IPS", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}  # fmt: skip
"""Variables of uvicorn and of boto3."""


def example(name: str) -> dict[str, str]:
    """The variables of an env file in deployments/team."""
    lines = (TEAM / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def compose() -> dict:
    """compose.yaml with the variables of team.env, validated against the Compose specification."""
    variables = {name: value or f"secret of {name}" for name, value in example("team.env.example").items()}
    text = re.sub(r"\$\{(\w+):\?\}", lambda match: variables[match[1]], (TEAM / "compose.yaml").read_text())
    compose_spec.PyOptions(apply_merge=True).from_yaml(text).validate()
    return yaml.safe_load(text)


def manifests() -> list[dict]:
    return list(yaml.safe_load_all((TEAM / "kubernetes.yaml").read_text()))


def pod(manifest: dict) -> dict:
    return manifest["spec"]["template"]["spec"]


def containers() -> dict[str, dict]:
    """The containers of kubernetes.yaml by name."""
    pods = [pod(manifest) for manifest in manifests() if manifest["kind"] == "StatefulSet"]
    return {container["name"]: container for pod in pods for container in pod["containers"]}


def work_pool(pool_type: str) -> dict:
    return json.loads((TEAM / f"work-pools/{pool_type}.json").read_text())


def dockerfile() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile and their arguments."""
    lines = (TEAM / "Dockerfile").read_text().splitlines()
    return [tuple(line.split(" ", 1)) for line in lines if line and not line.startswith("#")]


def argument(instruction: str) -> str:
    """The argument of the last such instruction in the Dockerfile."""
    return [value for name, value in dockerfile() if name == instruction][-1]


def unit(path: Path) -> str:
    """A unit of systemd, for this folder instead of /opt/nightshift."""
    return path.read_text().replace("/opt/nightshift", str(ROOT))


def is_ours(service: dict) -> bool:
    return service["image"].startswith("nightshift")


def test_compose_follows_the_specification_and_its_references_exist():
    file = compose()
    for service in file["services"].values():
        assert set(service.get("depends_on", {})) <= set(file["services"])
        for mount in service["volumes"]:
            source = mount.split(":")[0]
            assert source.startswith("./") or source in file["volumes"], source


def test_each_service_has_a_version_a_health_check_limits_and_a_restart():
    for name, service in compose()["services"].items():
        assert is_ours(service) or re.search(r":[0-9]+\.[0-9.]+(-bookworm)?$", service["image"]), name
        assert service["healthcheck"]["test"] and service["restart"] == "unless-stopped", name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name


def test_only_nginx_publishes_a_port_and_databases_have_networks_of_their_own():
    file = compose()
    assert [name for name, service in file["services"].items() if "ports" in service] == ["nginx"]
    assert file["networks"]["database"] == file["networks"]["store"] == {"internal": True}
    members = {name: {key for key, service in file["services"].items() if name in service["networks"]} for name in file["networks"]}  # fmt: skip
    assert members["database"] == {"postgres", "prefect", "mlflow"} and members["store"] == {
        "store",
        "mlflow",
        "worker",
    }


def test_secrets_come_from_files_that_are_not_committed():
    text = (TEAM / "compose.yaml").read_text()
    assert set(re.findall(r"\$\{(\w+)", text)) == set(example("team.env.example"))
    references = {item["valueFrom"]["secretKeyRef"]["key"] for container in containers().values()
                  for item in container.get("env", ()) if "valueFrom" in item}  # fmt: skip
    assert references == set(example("team.env.example")) - {"NIGHTSHIFT_IMAGE"}
    for file in ("team.env", "worker.env", "tls/key.pem"):
        ignored = subprocess.run(["git", "check-ignore", "-q", f"deployments/team/{file}"], cwd=ROOT, check=False)
        assert ignored.returncode == 0, file


def test_kubernetes_objects_follow_the_schemas_and_get_images_with_versions():
    for manifest in manifests():
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    kustomization = yaml.safe_load((TEAM / "kustomization.yaml").read_text())
    assert kustomization["resources"] == ["kubernetes.yaml"]
    images = {image["name"]: image["newTag"] for image in kustomization["images"]}
    assert images.keys() == {container["image"] for container in containers().values()}
    pinned = {
        service["image"].partition(":")[::2] for service in compose()["services"].values() if not is_ours(service)
    }
    assert {(name, tag) for name, tag in images.items() if name != "nightshift"} == {
        item for item in pinned if item[0] != "nginx"
    }
    for container in containers().values():
        assert container["resources"]["limits"]["memory"] and ({"readinessProbe", "livenessProbe"} & container.keys())
        assert container["securityContext"]["allowPrivilegeEscalation"] is False


def variables() -> Iterator[tuple[str, str]]:
    """Each variable that the files give to nightshift's own containers and processes, and where."""
    for name, service in compose()["services"].items():
        if is_ours(service):
            yield from ((f"compose.yaml: {name}", variable) for variable in service["environment"])
    for name in ("prefect", "mlflow"):
        yield from (("kubernetes.yaml", item["name"]) for item in containers()[name]["env"] if "valueFrom" not in item)
    yield from (("worker.env.example", variable) for variable in example("worker.env.example"))
    yield from (("docker.json", variable) for variable in work_pool("docker")["job_configuration"]["env"])
    for path in TEAM.glob("*.service"):
        yield from ((path.name, variable) for variable in re.findall(r"^Environment=(\w+)", path.read_text(), re.M))
    yield from (("Dockerfile", variable) for variable in re.findall(r"(NIGHTSHIFT_\w+)=", argument("ENV")))


def test_each_variable_is_one_that_nightshift_or_its_libraries_read():
    source = "".join(path.read_text() for folder in ("cli", "nightshift") for path in (ROOT / folder).rglob("*.py"))
    fields = {
        f"NIGHTSHIFT_{field.upper()}"
        for field in re.findall(r"^    (\w+): ", (ROOT / "cli/server_settings.py").read_text(), re.M)
    }
    fields |= {"NIGHTSHIFT_TOKEN", "NIGHTSHIFT_ADMIN_PASSWORD", "NIGHTSHIFT_NIGHTLY_PASSWORD"}
    for file, variable in variables():
        known = {
            "NIGHTSHIFT": variable in fields or f'"{variable}"' in source,
            "PREFECT": variable in _get_settings_fields(Settings),
            "MLFLOW": hasattr(mlflow.environment_variables, variable),
        }
        assert known.get(variable.partition("_")[0], variable in OTHER_VARIABLES), (file, variable)


def test_workers_get_the_same_variables_everywhere():
    names = set(example("worker.env.example"))
    assert set(compose()["services"]["worker"]["environment"]) == names
    docker = work_pool("docker")["job_configuration"]
    from_files = {"MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    from_worker = {"PREFECT_API_URL", "PREFECT_API_AUTH_STRING"}
    assert set(docker["env"]) == names - from_files - from_worker
    mounted = {mount.split(":")[1] for mount in docker["volumes"]}
    assert {"/home/nightshift/.mlflow", "/home/nightshift/.aws"} <= mounted


def test_containers_run_the_commands_of_the_keeper(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    services = Keeper(Servers(prefect="http://127.0.0.1:4200", mlflow="http://127.0.0.1:5000"), Limits()).services
    for name in ("prefect", "mlflow"):
        command = ["python", *services[name].command[1:]]
        assert compose()["services"][name]["command"] == containers()[name]["args"] == command
    assert json.loads(argument("CMD"))[:7] == services["worker"].command[2:]


def test_the_image_is_built_from_files_that_exist_and_does_not_run_as_root():
    ignored = (TEAM / "Dockerfile.dockerignore").read_text().splitlines()
    for name, value in dockerfile():
        if name == "COPY" and not value.startswith("--from"):
            for source in shlex.split(value)[:-1]:
                assert (ROOT / source).exists() and f"!{source}" in ignored, source
    packages = re.search(r"packages = (\[.*\])", (ROOT / "pyproject.toml").read_text())
    copied = [value.split()[0] for name, value in dockerfile() if name == "COPY"]
    assert set(json.loads(packages[1])) <= set(copied)
    assert argument("USER") not in ("root", "0")
    assert {value.split()[0] for name, value in dockerfile() if name == "FROM"} == {"python:3.11.13-slim-bookworm"}
    assert (SCRIPTS / json.loads(argument("CMD"))[0]).exists()


def test_job_templates_have_no_variables():
    for pool_type in TYPES:
        assert work_pool(pool_type)["variables"] == {"type": "object", "properties": {}, "additionalProperties": False}
    assert ROOT / JOB_TEMPLATE == TEAM / "work-pools/process.json"


def test_the_job_of_the_kubernetes_pool_follows_the_schema_and_asks_for_a_gpu():
    job = work_pool("kubernetes")["job_configuration"]["job_manifest"]
    assert (
        pod(job).pop("parallelism") == pod(job).pop("completions") == 1
    )  # Prefect asks for them where Kubernetes ignores them
    kubernetes_validate.validate(job, KUBERNETES, strict=True)
    (container,) = pod(job)["containers"]
    assert container["resources"]["requests"]["nvidia.com/gpu"] == "1"
    worker = containers()["worker"]
    assert container["envFrom"] == worker["envFrom"]
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted == {mount["mountPath"] for mount in worker["volumeMounts"]}
    assert PurePosixPath("/data") in PurePosixPath(re.search(r"NIGHTSHIFT_HOME=(\S+)", argument("ENV"))[1]).parents


def test_nginx_accepts_its_configuration(tmp_path):
    key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "key.pem"]
    subprocess.run([*key, "-out", "cert.pem"], cwd=tmp_path, check=True, capture_output=True)
    values = compose()["services"]["nginx"]["environment"]
    values |= {"PREFECT_UPSTREAM": "127.0.0.1:4200", "MLFLOW_UPSTREAM": "127.0.0.1:5000", "TLS_FOLDER": str(tmp_path)}
    text = re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], (TEAM / "nginx.conf").read_text())
    text = text.replace("/var/log/nginx", str(tmp_path))
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid; events {{}} http {{\n{text}\n}}")
    nginx = ["nginx", "-t", "-c", str(tmp_path / "nginx.conf"), "-e", str(tmp_path / "log")]
    checked = subprocess.run(nginx, capture_output=True, text=True, check=False)
    assert checked.returncode == 0 and "test is successful" in checked.stderr, checked.stderr


def test_systemd_accepts_the_units(tmp_path):
    units = [tmp_path / path.name for path in TEAM.glob("*.service")]
    assert len(units) == 2
    for path in units:
        path.write_text(unit(TEAM / path.name))
    checked = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.slow
def test_the_image_s_worker_creates_its_pool_and_says_that_it_is_well(prefect_api, tmp_path):
    entry_point = json.loads(argument("ENTRYPOINT"))
    in_background = ["sh", "-c", 'trap "" INT; exec "$0" "$@"']
    command = [*in_background, str(SCRIPTS / entry_point[0]), *entry_point[1:], *json.loads(argument("CMD"))]
    port = {"PREFECT_WORKER_WEBSERVER_PORT": "18080"}
    environment = os.environ | port | {
        "PATH": f"{SCRIPTS}:{os.environ['PATH']}", "PREFECT_API_URL": prefect_api, "NIGHTSHIFT_HOME": str(tmp_path / "home")
    }  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    health = [word.replace("8080", "18080") for word in compose()["services"]["worker"]["healthcheck"]["test"][1:]]
    try:
        deadline = time.monotonic() + 120
        while not is_up(prefect_api, health, environment):
            assert worker.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.5)
        template = httpx.get(f"{prefect_api}/work_pools/{POOL}").json()["base_job_template"]
        assert template == work_pool("process")
    finally:
        worker.terminate()
        try:
            worker.wait(60)
        finally:
            worker.kill()
    for pool_type in TYPES:
        file = str(TEAM / f"work-pools/{pool_type}.json")
        create = ["prefect", "work-pool", "create", f"of-{pool_type}", "--type", pool_type, "--base-job-template", file]
        subprocess.run(create, env=environment, check=True, capture_output=True)
        assert httpx.get(f"{prefect_api}/work_pools/of-{pool_type}").json()["base_job_template"] == work_pool(pool_type)


def is_up(api: str, health: list[str], environment: dict[str, str]) -> bool:
    """Return True if the pool has a template, which a worker adds after it has made the pool, and the health check passes."""
    pool = httpx.get(f"{api}/work_pools/{POOL}")
    if not pool.is_success or not pool.json()["base_job_template"]:
        return False
    return subprocess.run(health, env=environment, capture_output=True, check=False).returncode == 0
