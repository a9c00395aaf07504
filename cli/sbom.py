"""`sbom.cdx.json` of an exported folder: a CycloneDX bill of materials of the model, its files and the packages it is served with."""

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from mlflow.entities.model_registry import ModelVersion
from packageurl import PackageURL

from nightshift.registry import integrity, tags

FILE = "sbom.cdx.json"
PIN = re.compile(r"([A-Za-z0-9._-]+)==(\S+)")
LONGEST_NAME = 80
"""Characters of a licence's name; some packages put the whole text there."""
RECORDED = (tags.DIGEST, tags.CHECKPOINT_DIGEST, tags.COMPRESSED, tags.BASE_MODEL, tags.DATA, tags.CODE)
"""Tags of the version that become properties: digests of what it was made from."""


def write(version: ModelVersion, folder: Path) -> None:
    """Write the bill of materials of a folder that is otherwise complete; licences are those that installed packages state."""
    files = integrity.digests(folder)
    model = Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=version.name,
        version=str(version.version),
        bom_ref=f"{version.name}@{version.version}",
        components=[
            Component(type=ComponentType.FILE, name=name, bom_ref=name, hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)])
            for name, digest in files.items()
        ],
        properties=[Property(name=tag, value=version.tags[tag]) for tag in RECORDED if version.tags.get(tag)],
    )  # fmt: skip
    bom = Bom()
    bom.metadata.component = model
    packages = [_package(*pin.groups()) for pin in PIN.finditer((folder / "requirements.txt").read_text("utf-8"))]
    bom.components.update(packages)
    bom.register_dependency(model, packages)
    (folder / FILE).write_text(JsonV1Dot6(bom).output_as_string(indent=1), encoding="utf-8")


def _package(name: str, version: str) -> Component:
    purl = PackageURL("pypi", name=name, version=version)
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        purl=purl,
        bom_ref=str(purl),
        licenses=_licenses(name, version),
    )


def _licenses(name: str, version: str) -> list[License]:
    """Return the licence in the metadata of a package; none if another version is installed here, or it states none."""
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return []
    if installed.version.partition("+")[0] != version:
        return []
    text = package_license(name)
    return [LicenseFactory().make_from_string(text)] if text else []


def package_license(name: str) -> str:
    """Return the licence that the metadata of an installed package state; empty without one."""
    metadata = distribution(name).metadata
    classifiers = [line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier") or [] if "License" in line]
    stated = [*(metadata.get_all("License-Expression") or []), *(metadata.get_all("License") or []), *classifiers]
    return next((text for text in stated if len(text) <= LONGEST_NAME and "\n" not in text), "")
