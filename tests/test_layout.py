"""The public surface is what the design says; import-linter sees to the imports (`make check`)."""

from typer.main import get_command

from cli.main import app
from flows.settings import NightSettings


def test_the_commands():
    commands = (
        "run validate predict watch export promote rollback holdout history verify replay "
        "up deploy status down clean backup restore doctor bench"
    )
    assert set(get_command(app).commands) == set(commands.split())


def test_the_settings_of_a_night():
    assert list(NightSettings.model_fields) == [
        "model", "kind", "data", "objectives", "split", "expectations", "augment", "train", "compress", "gate", "review", "generation",
        "deadline", "max_age", "schedule", "execution", "notify", "base_dir",
    ]  # fmt: skip
