"""Signatures with the team's own key, which strangers check with `model_signing verify key` and the public key.

The package `model-signing` writes them: the sha256 of each file in an in-toto statement, signed in a DSSE envelope. A version is
signed when it becomes champion, over its model files as `nightshift export` lays them out; its run keeps the signature.
"""

import logging
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
from mlflow.entities.model_registry import ModelVersion

from nightshift.errors import UserError, first_line
from nightshift.registry import registered_model, tracking
from nightshift.store import artifact_store

if TYPE_CHECKING:
    from model_signing.signing import Config as Signer
    from model_signing.verifying import Config as Verifier

log = logging.getLogger("nightshift.registry")
KEY, PASSWORD = "NIGHTSHIFT_SIGNING_KEY", "NIGHTSHIFT_SIGNING_PASSWORD"
"""Variables with the path of the private key, and with the key's password if it has one."""
FILE = "model.sig"
ARTIFACT = "signature"
"""Folder of the signature among the artifacts of the run that registered the version."""
CURVES = "an elliptic-curve key in PEM, of P-256, P-384 or P-521"


def is_set() -> bool:
    """Return True if there is a key to sign with."""
    return bool(os.environ.get(KEY))


def ensure_usable() -> None:
    """Raise UserError if the key that is to sign is missing, is of another kind, or has another password."""
    if is_set():
        _signer()


def sign_folder(folder: Path) -> None:
    """Write `model.sig`, which covers every file of a folder, into that folder.

    Raises:
        UserError: The key cannot be used.
    """
    _signer().sign(folder, folder / FILE)


def sign(version: ModelVersion) -> None:
    """Sign the model files of a version.

    Raises:
        UserError: The key cannot be used, or the files are not those that were registered.
    """
    signer = _signer()
    with artifact_store.temporary_directory() as scratch:
        folder = scratch / f"{version.name}-{version.version}"
        folder.mkdir()
        with registered_model.exportable_files_of(version, folder):
            signer.sign(folder, scratch / FILE)
        tracking.connect().log_artifact(version.run_id, str(scratch / FILE), ARTIFACT)
    log.info("%s is signed", registered_model.version_label(version))


def download(version: ModelVersion, folder: Path) -> Path | None:
    """Return a copy of a version's signature in a folder; None if it has none."""
    if not tracking.connect().list_artifacts(version.run_id, ARTIFACT):
        return None
    return Path(mlflow.artifacts.download_artifacts(f"runs:/{version.run_id}/{ARTIFACT}/{FILE}", dst_path=str(folder)))


def difference(version: ModelVersion, folder: Path, verifier: "Verifier") -> str:
    """Return in a few words what is wrong with a version's signature; empty if it is good.

    Args:
        version: The registered version.
        folder: Its model files and no others, as `registered_model.exportable_files_of` lays them out.
        verifier: The verifier with the public key.
    """
    with artifact_store.temporary_directory() as scratch:
        if (signature := download(version, scratch)) is None:
            return "it has none: it became champion without the key"
        return _signature_difference(folder, signature, verifier)


def _signature_difference(folder: Path, signature: Path, verifier: "Verifier") -> str:
    try:
        verifier.verify(folder, signature)
    except Exception as error:  # cryptography, pydantic, json and model-signing raise their own
        return first_line(error)
    return ""


def verifier(public_key: Path) -> "Verifier":
    """Return the verifier with a public key in PEM.

    Raises:
        UserError: The public key cannot be used.
    """
    _ensure_package("--public-key")
    from model_signing.verifying import Config

    try:
        return Config().use_elliptic_key_verifier(public_key=public_key)
    except OSError as error:
        raise UserError(f"--public-key: {public_key}: cannot be read: {error.strerror}") from error
    except Exception as error:
        raise UserError(f"--public-key: {public_key}: expected the public half of {CURVES}") from error


def _signer() -> "Signer":
    _ensure_package(KEY)
    from model_signing.signing import Config

    file, password = Path(os.environ[KEY]).expanduser(), os.environ.get(PASSWORD, "").encode() or None
    try:
        return Config().use_elliptic_key_signer(private_key=file, password=password)
    except OSError as error:
        raise UserError(f"{KEY}: {file}: cannot be read: {error.strerror}") from error
    except Exception as error:  # a wrong password is a TypeError or a ValueError, another kind of key an AttributeError
        raise UserError(
            f"{KEY}: {file}: cannot sign: expected {CURVES}, and its password in {PASSWORD} if it has one"
        ) from error


def _ensure_package(option: str) -> None:
    if not (find_spec("model_signing") and find_spec("OpenSSL")):
        packages = "model-signing pyopenssl"
        raise UserError(
            f"{option}: model-signing is not complete; install the extra signing (`pip install {packages}`)"
        )
