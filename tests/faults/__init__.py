"""Faults, one after another, on the real engine in real processes; after each, the store is held against the truth.

    python -m tests.faults --kills 200 --store sqlite

Read on in this order: `worker.py` (a process with an engine, which says what it returned), `upstream.py` (the models,
which keep books of their own), `faults.py` (what is done to both), `trial.py` (how), and `invariants.py` (what must
hold afterwards).
"""
