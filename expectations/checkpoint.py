"""Runs a real Great Expectations checkpoint over a data frame and renders its Data Docs, without network or texts."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)

ROW = "__row__"
PRIVATE = {
    "result_format": "COMPLETE",
    "unexpected_index_column_names": [ROW],
    "exclude_unexpected_values": True,
    "partial_unexpected_count": 0,
}
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Content-Security-Policy of nightshift's HTML pages: nothing runs, and nothing is asked of any host."""
STYLE = (
    f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    + """<style>body{font:15px/1.5 system-ui,sans-serif;margin:1.5rem auto;max-width:75rem;padding:0 1rem;color:#1d2433}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #e1e5ec;padding:.35rem .6rem;text-align:left;
vertical-align:top}.status-success,.text-success{color:#1d7f4e}.status-failed,.text-danger{color:#b3261e}
i.fa-check-circle::before{content:"\\2713"}i.fa-times::before{content:"\\2717"}i.fa-exclamation-triangle::before{content:"!"}
footer,.sticky>.card,a[data-toggle=collapse],.popover,.modal,#ge-cta-footer,.tooltip,iframe{display:none}ul{padding-left:1.2rem}img{max-width:9rem}
a{color:#2457a6}.badge{background:#eef1f6;border-radius:.3rem;padding:0 .4rem}</style>"""
)

INDEX = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Data Docs</title>{style}</head><body>
<h1>Data Docs</h1><ul><li><a href="{result}">The validation result</a></li><li><a href="{suite}">The expectations</a></li>
</ul></body></html>"""


@dataclass(frozen=True)
class Outcome:
    """One expectation's result: whether it held under its `mostly`, and the frame's places of the failing rows."""

    success: bool
    unexpected: int | None
    observed: str
    rows: list[int]


def run(frame: pd.DataFrame, expectations: list[Any], name: str, docs: Path) -> list[Outcome]:
    """Check all `expectations` in one call, in their order, and write Data Docs into `docs`.

    Raises RuntimeError where an expectation could not be computed.
    """
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    in_memory = DataContextConfig(store_backend_defaults=InMemoryStoreBackendDefaults(), analytics_enabled=False)
    context = gx.get_context(mode="ephemeral", project_config=in_memory)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    site = {
        "class_name": "SiteBuilder",
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs)},
    }
    context.add_data_docs_site(site_name="local", site_config=site)
    batch = (
        context.data_sources.add_pandas(name)
        .add_dataframe_asset("rows")
        .add_batch_definition_whole_dataframe("tonight")
    )
    suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(name=name, validation_definitions=[definition], result_format=PRIVATE)
    )
    checked = checkpoint.run(batch_parameters={"dataframe": frame.assign(**{ROW: range(len(frame))})})
    results = next(iter(checked.run_results.values())).results
    context.build_data_docs()
    _make_self_contained(docs)
    by_id = {result.expectation_config.id: result for result in results}
    return [_outcome(by_id[expectation.id]) for expectation in suite.expectations]


def _outcome(result: Any) -> Outcome:
    if result.exception_info.get("raised_exception") or any(
        isinstance(info, dict) and info.get("raised_exception") for info in result.exception_info.values()
    ):
        raise RuntimeError(f"{result.expectation_config.type} could not be computed: {result.exception_info}")
    found = result.result
    rows = [row for entry in found.get("unexpected_index_list") or [] for row in entry[ROW]]
    if "unexpected_percent" in found:
        observed = f"{found['unexpected_percent'] or 0.0:.2f} % of {found['element_count']:,} rows"
    else:
        observed = str(found.get("observed_value", ""))
    return Outcome(bool(result.success), found.get("unexpected_count"), observed, rows)


def _make_self_contained(docs: Path) -> None:
    """Great Expectations' pages fetch styles and scripts from third parties; ours bring their own style.

    Its index is a table filled by such a script; ours names the two pages.
    """
    remote = re.compile(r"<script\b[^>]*>.*?</script>|<link\b[^>]*>|<img\b[^>]*https?:[^>]*>", re.DOTALL)
    for page in docs.rglob("*.html"):
        text = remote.sub("", page.read_text(encoding="utf-8"))
        page.write_text(text.replace("<head>", "<head>" + STYLE, 1), encoding="utf-8")
    result, suite = (
        next((docs / kind).rglob("*.html")).relative_to(docs).as_posix() for kind in ("validations", "expectations")
    )
    (docs / "index.html").write_text(INDEX.format(style=STYLE, result=result, suite=suite), encoding="utf-8")
