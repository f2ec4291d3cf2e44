"""`python -m tests.faults`: see `command.py`."""

import sys
from pathlib import Path

# The tests' modules are imported from their own folder, as pytest does.
sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.command import main

if __name__ == "__main__":
    main()
