"""The practice provider: an honest stand-in for models, with documents to try it on; no key, no network."""

from __future__ import annotations

from qualityroute.practice.collection import TASKS, Document, documents, schema_path
from qualityroute.practice.server import PracticeServer

__all__ = ["TASKS", "Document", "PracticeServer", "documents", "schema_path"]
