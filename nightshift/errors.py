"""Errors that nightshift raises on purpose.

    NightshiftError
    ├── LockLostError            another machine has taken over the model's lock
    └── UserError                the user can fix it: one line, exit code 2
        ├── SettingsError        a wrong field in the settings
        ├── InputError           a file or column that cannot be read as set
        │   └── EmptyInputError  a file without rows
        ├── ForbiddenError       the signed-in user lacks a permission
        ├── ForeignVersionError  a registered version that is not nightshift's
        └── DamagedVersionError  a registered version whose files are missing or changed

Data that fail a critical expectation raise nothing: the run ends as stopped, with exit code 3.

`nightshift.models` and `expectations` raise ValueError; the stage that called them names the field.
"""


class NightshiftError(Exception):
    """Base of all errors raised on purpose."""

    exit_code = 1


class LockLostError(NightshiftError):
    """A machine that was cut off from the Prefect server holds the model's lock no more."""


class UserError(NightshiftError):
    """Error that the user can fix; its message is the one line that they see."""

    exit_code = 2


class SettingsError(UserError):
    """Wrong settings: the message names the field, what was expected and what to do."""


class InputError(UserError):
    """Unreadable input: the message names the file, the line or column, and what to do."""


class EmptyInputError(InputError):
    """An input without rows, which is no error beside inputs with rows."""


class ForbiddenError(UserError):
    """A request that an MLflow server with users refuses to the user who is signed in."""


class ForeignVersionError(UserError):
    """A registered version that nightshift did not register, or whose form this nightshift does not know."""


class DamagedVersionError(UserError):
    """A registered version of nightshift's whose files are missing, changed or unreadable."""


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or the name of its type if it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
