"""What operators see: Prometheus metrics (`metrics.py`) and OpenTelemetry spans (`otel.py`); never a prompt or answer.

Both listen to decisions. Neither library is imported before it is asked for.
"""
