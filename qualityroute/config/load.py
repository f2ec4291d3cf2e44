"""From a TOML file to a `Config`, with every mistake named."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from qualityroute.config.models import Config
from qualityroute.config.resolve import resolve
from qualityroute.errors import ConfigError

C = TypeVar("C", bound=Config)


def load_config(kind: type[C], path: Path) -> C:
    try:
        text = path.read_bytes().decode("utf-8")
        data = tomllib.loads(text, parse_float=Decimal)
    except FileNotFoundError:
        raise ConfigError(f"no configuration '{path}'; `qualityroute init` writes one") from None
    except UnicodeDecodeError:
        raise ConfigError(f"configuration '{path}' is not UTF-8 text") from None
    except OSError as error:
        raise ConfigError(f"configuration '{path}' cannot be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"configuration '{path}' is not TOML: {error}") from error
    except RecursionError:
        raise ConfigError(f"configuration '{path}' is nested too deep to be read") from None
    if not data:
        raise ConfigError(f"configuration '{path}' says nothing; `qualityroute init` writes one to begin with")
    try:
        config = kind.model_validate(data)
        config._folder, config._file = path.parent, path
        resolve(config)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return config
