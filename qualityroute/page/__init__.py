"""The fallback report as one HTML page that needs no network and no script."""

from qualityroute.page.document import page

__all__ = ["page"]
