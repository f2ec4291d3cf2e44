"""The gateway: the engine as an OpenAI-compatible server."""
