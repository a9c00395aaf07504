"""Report how a run went: pictures, the pages of its MLflow run and its version, and the report page."""

from dataclasses import replace

from nightshift.records import NightResult, Registered, Source
from nightshift.registry import tracking
from nightshift.reporting import report_page, review_lists, run_logging, version_description
from nightshift.reporting.report_data import ReportData
from nightshift.store import artifact_store
from nightshift.store.stages import uncached_stage


@uncached_stage()
def report(
    result: NightResult,
    data: ReportData,
    sources: list[Source],
    registered: Registered | None = None,
    slice_margin: float = 0.0,
) -> NightResult:
    """Draw the pictures, log metrics, tables and pictures to MLflow, describe the version and write the report page.

    Args:
        result: How the run ended.
        data: The records of its stages.
        sources: The files that it read.
        registered: The version that it registered; None for a run that the data gate stopped.
        slice_margin: The setting `gate.slice_margin`, drawn beside the slices.

    Returns:
        The result with the paths of the report page and of the review lists.
    """
    run_id = str(result.mlflow_run_id)
    with artifact_store.temporary_directory() as folder:
        pictures = report_page.draw_rows(data, folder)
        if registered:
            pictures += report_page.draw_pictures(data, slice_margin, folder)
            run_logging.log(run_id, data, registered, pictures)
            version_description.describe(result, data, sources)
            data = replace(data, review_files=review_lists.copy_lists(result, data.reviewed))
        page = str(report_page.write(result, data, pictures))
    tracking.connect().log_artifact(run_id, page, tracking.REPORT)
    reviews = [str(file) for file in data.review_files.values()]
    return result.model_copy(update={"report": page, "reviews": reviews})
