"""The OpenAI-compatible gateway: any client, any language, by changing its base URL."""

from qualityroute.gateway.app import build_app

__all__ = ["build_app"]
