"""The door to every OpenAI-compatible endpoint, through the OpenAI SDK."""

from qualityroute.openai_client.client import OpenAIClient

__all__ = ["OpenAIClient"]
