"""Benchmarks: handshakes against a server (`network`), and libraries in memory (`local`)."""
