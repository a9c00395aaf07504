"""The artifact store, cached stages, and digests of code, data and environment."""
