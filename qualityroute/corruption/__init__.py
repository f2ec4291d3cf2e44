"""Good answers spoiled on purpose, to see whether a judge notices.

Pure: cases and a seed go in, twins come out. No clock, no store, and no chance but the seed's.
"""

from qualityroute.corruption.expecting import expected_of
from qualityroute.corruption.kinds import Case, Corruption, Twin
from qualityroute.corruption.twins import differ, twins_of

__all__ = ["Case", "Corruption", "Twin", "differ", "expected_of", "twins_of"]
