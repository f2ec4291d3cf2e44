"""`python -m qualityroute` is the same as `qualityroute`."""

from qualityroute.cli import main

main()
