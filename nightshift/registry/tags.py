"""Names of the tags that nightshift sets on MLflow's runs and model versions.

MLflow's own tags, and those of the ledger's entries (the fields of `ledger.Entry`), are not among them.
"""

PREFIX = "nightshift."
"""Start of every name below, and of a tag for each metric, such as `nightshift.macro_f1`; see `part` and `metric`."""

# Tags of the run of a night
STATUS = "nightshift.status"  # how it ended: promoted, held, stopped, failed or killed
REASON = "nightshift.reason"  # why it ended so, in words
CHANGED = "nightshift.changed"  # what changed since the last night that finished
PROCESS = "nightshift.process"  # HOST/PID/START_MARK of the process that works on it

# Tags of the run of a night and of the version that it registers
FINGERPRINT = "nightshift.fingerprint"  # digest of everything that decides the outcome

# Tags of the nested run of a candidate
CANDIDATE_REASON = "nightshift.why"  # why the candidate was or was not chosen
CANDIDATE_CHOSEN = "nightshift.chosen"  # `True` for the candidate that is registered

# Tags of a version: its origin
COMPRESSED = "nightshift.compressed"  # digest of the artifact of `compress` that it was made from
RECIPE = "nightshift.recipe"  # recipe of the candidate within that artifact
CONFIRMED = "nightshift.confirmed"  # `true` if the holdout confirmed the candidate
FLOW_RUN = "nightshift.flow_run"  # id of the Prefect flow run
CHECKPOINT = "nightshift.checkpoint"  # address of its Hugging Face checkpoint
CHECKPOINT_DIGEST = "nightshift.checkpoint_digest"  # digest of that checkpoint's files
DIGEST = "nightshift.digest"  # digest of the version's own files
OBJECTIVES = "nightshift.objectives"  # JSON object: kinds of the objectives, by name
LABELS = "nightshift.labels"  # JSON object: lists of labels by objective; missing if longer than a tag may be

# Tags of a version: a digest, or the text itself, of each part of the fingerprint
DATA = "nightshift.data"  # the source files
SETTINGS = "nightshift.settings"  # the settings
BASE_MODEL = "nightshift.base_model"  # what identifies the base model
TEACHERS = "nightshift.teachers"  # what identifies the base models of the teachers
CODE = "nightshift.code"  # nightshift's own source
ENVIRONMENT = "nightshift.environment"  # the installed packages
DEVICE = "nightshift.device"  # `cpu`, or `cuda` and the name of the GPU
HOLDOUT = "nightshift.holdout"  # index of the holdout in use

# Tags of a version: the verdict of the gate
GATE = "nightshift.gate"  # promote or hold
CLAIM = "nightshift.claim"  # first, better or cheaper; empty if held
DIFFERENCE = "nightshift.difference"  # to the champion, with its limits
SEED_SPREAD = "nightshift.seed_spread"  # standard deviation of trainings that differ in their seed alone


def part(name: str) -> str:
    """Return the tag of a part of the fingerprint, such as `nightshift.data`."""
    return PREFIX + name


def metric(name: str) -> str:
    """Return the tag of a metric, such as `nightshift.team.accuracy` of `team/accuracy`."""
    return PREFIX + name.replace("/", ".")
