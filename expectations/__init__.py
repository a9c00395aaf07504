"""The Great Expectations part of the data gate: settings, suites, custom expectations, the checkpoint and its Data Docs."""
