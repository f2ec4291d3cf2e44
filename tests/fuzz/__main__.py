"""Fuzz one reader: inputs that reach new lines are kept and changed further, until one breaks something.

    python -m tests.fuzz NAME [--minutes 10] [--corpus FOLDER]
    python -m tests.fuzz NAME --replay FILE        # what a run has left behind, once more

`make fuzz` makes the environment (atheris, of the group `fuzz`) and gives each reader its ten minutes. A run that finds
something ends with its traceback and leaves the input as `crash-…` in the folder. Slow inputs are findings as well.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

SLOW = 10
"""Seconds for one input."""
WATCHED = [f"qualityroute.{part}" for part in ("config", "gates", "gateway", "inputs", "openai_client", "rubrics")]
"""What is read for new lines: the readers, and not what they are built on."""
LONGEST = 4096
"""Bytes of one input."""


def main() -> None:
    import atheris  # of the group `fuzz`; its names must be there before what it watches is imported

    with atheris.instrument_imports(include=WATCHED):
        from .targets import TARGETS

    parser = argparse.ArgumentParser(description="Fuzz one reader of what strangers send.")
    parser.add_argument("name", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--corpus", type=Path, help="where inputs are kept that reach something new; default: nowhere")
    parser.add_argument("--replay", type=Path, help="read this input alone")
    options = parser.parse_args()
    target = TARGETS[options.name]
    if options.replay is not None:
        target.read(options.replay.read_bytes())
        return
    with tempfile.TemporaryDirectory() as name:
        corpus = options.corpus or Path(name) / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(target.seeds):
            (corpus / f"seed-{number}").write_bytes(seed)
        words = Path(name) / "words"
        words.write_text("".join(f"{quoted(word)}\n" for word in target.words), encoding="ascii")
        arguments = {
            "max_total_time": int(options.minutes * 60),
            "max_len": LONGEST,
            "timeout": SLOW,
            "dict": words,
            "artifact_prefix": f"{Path.cwd()}/",
            "print_final_stats": 1,
            "verbosity": 0 if options.corpus is None else 1,
        }
        atheris.Setup([sys.argv[0], *(f"-{key}={value}" for key, value in arguments.items()), str(corpus)], target.read)
        atheris.Fuzz()


def quoted(word: str) -> str:
    """As libFuzzer's dictionaries have it: every byte that is no letter, digit or space by its number."""
    return (
        '"'
        + "".join(chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\x{byte:02X}" for byte in word.encode())
        + '"'
    )


if __name__ == "__main__":
    main()
