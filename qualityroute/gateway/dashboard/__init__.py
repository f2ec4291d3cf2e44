"""The gateway's dashboard: what the engine does now, for people, in pages made by the server."""

from qualityroute.gateway.dashboard.routes import dashboard_routes

__all__ = ["dashboard_routes"]
