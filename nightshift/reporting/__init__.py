"""The report page, plots and version descriptions."""
