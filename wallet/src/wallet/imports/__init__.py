"""Statements that banks hand out as files: read, foretold, and brought in."""
