"""Great Expectations only: our own expectations, the suite, Data Docs."""
