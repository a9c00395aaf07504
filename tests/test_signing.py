"""Signatures with a team's own key, made by `promote` and checked by `verify` and by model-signing's own command."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import mlflow
import pytest
from conftest import Shell, own_mlflow
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from nights import Model
from prefect.settings import PREFECT_RESULTS_LOCAL_STORAGE_PATH, temporary_settings

from cli.export import export
from flows.result_storage import ensure_result_storage
from nightshift.errors import UserError
from nightshift.registry import model_registry, signing, tracking, verification

PASSWORD = "pa55phrase-of-a-test"
USER_ERROR = 2


def write_key(folder: Path, name: str, password: str = "", key=None) -> Path:
    """Write a private key and, beside it, its public key with the suffix `.pub`."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    encryption = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    path = folder / name
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    path.with_suffix(".pub").write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return path


@contextmanager
def signing_with(key: Path, password: str = "") -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(signing.KEY, str(key))
        patch.setenv(signing.PASSWORD, password)
        yield


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Path:
    """A folder with the team's encrypted key, another key, and one that is no elliptic curve's."""
    folder = tmp_path_factory.mktemp("keys")
    write_key(folder, "team", PASSWORD)
    write_key(folder, "other")
    write_key(folder, "rsa", key=rsa.generate_private_key(65537, 2048))
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory, empty_store, keys) -> Iterator[Path]:
    """A home with the model `tone`, promoted with the team's key, and `bare`, promoted without."""
    home = tmp_path_factory.mktemp("signed")
    with own_mlflow(home, home):
        for name in ("tone", "bare"):
            assert Model(home, name).registered_version() == "1"
        with signing_with(keys / "team", PASSWORD):
            model_registry.promote("tone", "1", "the first", None, "first")
        model_registry.promote("bare", "1", "the first", None, "first")
        yield home


def model_signing(folder: Path, public_key: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Verify a folder as its README says."""
    command = [Path(sys.executable).parent / "model_signing", "verify", "key", ".", "--signature", "model.sig"]
    return subprocess.run(
        [*command, "--public_key", public_key, *options], cwd=folder, capture_output=True, text=True, check=False
    )


def command_of(folder: Path) -> list[str]:
    """Return the options of the command in a folder's README after the public key."""
    (line,) = [line for line in (folder / "README.md").read_text().splitlines() if "model_signing verify" in line]
    assert line.startswith("    model_signing verify key . --signature model.sig --public_key ../team.pub")
    return line.partition("../team.pub")[2].split()


def test_the_key_verifies_a_champion_and_another_key_does_not(home, keys):
    result = verification.verify("tone", keys / "team.pub")
    assert not result.problems
    assert "version 1 (champion, anchor): its model files have the signature of the key" in result.checked
    (problem,) = verification.verify("tone", keys / "other.pub").problems
    assert problem.startswith("version 1 (champion, anchor): its signature: Key mismatch")
    assert not verification.verify("tone").problems


def test_a_version_that_became_champion_without_the_key_is_named(home, keys):
    line = "version 1 (champion, anchor): its signature: it has none: it became champion without the key"
    assert verification.verify("bare", keys / "team.pub").problems == [line]
    shell = Shell(home.parent, forked=True)
    shell.env |= {"NIGHTSHIFT_HOME": str(home), "MLFLOW_TRACKING_URI": mlflow.get_tracking_uri()}
    completed = shell("verify", "bare", "--public-key", str(keys / "team.pub"))
    assert (completed.returncode, completed.stdout.splitlines()[0]) == (1, f"bare: {line}")
    completed = shell("verify", "bare", "--public-key", str(keys / "rsa.pub"))
    assert completed.returncode == USER_ERROR
    assert "rsa.pub: expected the public half of an elliptic-curve key" in completed.stderr


def test_a_stranger_verifies_an_export_of_somebody_without_the_key(home, keys, tmp_path):
    export("tone@champion", tmp_path / "out")
    options = command_of(tmp_path / "out")
    assert options == ["--ignore_unsigned_files"]
    completed = model_signing(tmp_path / "out", keys / "team.pub", *options)
    assert (completed.returncode, completed.stdout) == (0, "Verification succeeded\n"), completed.stderr
    assert model_signing(tmp_path / "out", keys / "other.pub", *options).returncode == 1
    file = next((tmp_path / "out").rglob("config.json"))
    file.write_bytes(file.read_bytes() + b" ")
    completed = model_signing(tmp_path / "out", keys / "team.pub", *options)
    assert completed.returncode == 1 and "Hash mismatch for" in completed.stderr


def test_an_export_with_the_key_is_signed_whole(home, keys, tmp_path):
    with signing_with(keys / "team", PASSWORD):
        export("bare/1", tmp_path / "out")
    assert command_of(tmp_path / "out") == []
    assert model_signing(tmp_path / "out", keys / "team.pub").returncode == 0
    (tmp_path / "out/serve.py").write_text("print('another program')")
    assert "Hash mismatch for 'serve.py'" in model_signing(tmp_path / "out", keys / "team.pub").stderr
    export("bare/1", tmp_path / "unsigned")
    assert not (tmp_path / "unsigned/model.sig").exists()
    assert "model_signing" not in (tmp_path / "unsigned/README.md").read_text()


def test_files_that_were_changed_after_they_were_signed_are_named(home, keys):
    version = tracking.connect().get_model_version("tone", "1")
    model = tracking.connect().get_logged_model(version.source.removeprefix("models:/"))
    (file,) = Path(unquote(urlsplit(model.artifact_location).path)).rglob("tokenizer.json")
    record = home / "registered" / f"{model.model_id}.json"
    content, recorded = file.read_bytes(), record.read_text()
    file.write_bytes(content + b"\n")
    digests = verification.integrity.digests(file.parents[2])
    record.write_text("")
    changed = verification.integrity.combined(digests)
    tracking.connect().set_model_version_tag("tone", "1", "nightshift.digest", changed)
    assert any(
        "its signature: Signature mismatch" in line and "tokenizer.json" in line
        for line in verification.verify("tone", keys / "team.pub").problems
    )
    file.write_bytes(content)
    record.write_text(recorded)
    tracking.connect().set_model_version_tag("tone", "1", "nightshift.digest", version.tags["nightshift.digest"])


@pytest.mark.parametrize(
    ("key", "password", "message"),
    [
        ("missing", "", "cannot be read: No such file or directory"),
        ("team", "", "cannot sign: expected an elliptic-curve key in PEM.*NIGHTSHIFT_SIGNING_PASSWORD"),
        ("team", "wr0ng-password", "cannot sign"),
        ("other", PASSWORD, "cannot sign"),
        ("rsa", "", "cannot sign"),
        ("team.pub", "", "cannot sign"),
    ],
)
def test_a_key_that_cannot_sign_is_one_line_and_moves_nothing(home, keys, key, password, message):
    champion = model_registry.version_of("bare", "champion")
    storage = {PREFECT_RESULTS_LOCAL_STORAGE_PATH: home / "artifacts"}
    with signing_with(keys / key, password), temporary_settings(storage):
        for action in (ensure_result_storage, lambda: model_registry.promote("bare", "1", "again", champion)):
            with pytest.raises(UserError, match=f"^NIGHTSHIFT_SIGNING_KEY: {keys / key}: {message}") as error:
                action()
            assert not password or password not in str(error.value)
    assert len(model_registry.ledger.history("bare")) == 1


def test_without_the_package_the_line_says_what_to_install(home, keys, monkeypatch):
    monkeypatch.setattr(signing, "find_spec", lambda name: None)
    with signing_with(keys / "other"), pytest.raises(UserError, match="model-signing is not complete; install"):
        signing.ensure_usable()
