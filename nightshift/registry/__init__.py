"""MLflow: runs, versions, aliases, the ledger, warm start, erasure and retention."""
