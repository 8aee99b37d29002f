"""tlstool: a TLS client, server, benchmark and certificate judge. See `docs/api.md`."""

__version__ = "0.1.0"
