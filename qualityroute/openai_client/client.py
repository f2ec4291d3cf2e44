"""The OpenAI-compatible client: every configured provider behind the one method the engine knows."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

import anyio
from anyio.lowlevel import EventLoopToken, current_token

from qualityroute.client import CompletionRequest, EndpointHealth, Memory
from qualityroute.config import Provider
from qualityroute.errors import ConfigError
from qualityroute.openai_client.endpoint import Endpoint
from qualityroute.openai_client.findings import Finding
from qualityroute.openai_client.learned import Learned
from qualityroute.openai_client.surroundings import Surroundings
from qualityroute.records import Completion


class OpenAIClient:
    """Asks the models of OpenAI-compatible providers. One client serves one event loop until `aclose`.

    >>> client = OpenAIClient(config.known_providers)
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        *,
        keys: Mapping[str, str] | None = None,
        memory: Memory | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Callable[[], float] = random.random,
    ) -> None:
        """`keys` by provider stand before the environment's; `memory` keeps what is learned of endpoints.

        Raises `ConfigError` for a key that is not there.
        """
        for name, provider in providers.items():
            _check_address(name, provider)
        self._providers = dict(providers)
        self._keys = {name: _key(name, provider, keys or {}) for name, provider in providers.items()}
        self._memory = memory
        self._surroundings = Surroundings(sleep, clock, now, random)
        self._endpoints: dict[str, Endpoint] = {}
        self._loop: EventLoopToken | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"OpenAIClient({', '.join(self._providers)})"

    async def complete(self, request: CompletionRequest) -> Completion:
        """Ask one model. Raises `ProviderError` when no answer came."""
        self._check_loop()
        return await self._endpoint(request.provider).complete(request)

    async def probe(self, provider: str, model: str, advance: Callable[[], None] = lambda: None) -> tuple[Finding, ...]:
        """Find out by tiny calls what a model's endpoint honours, and learn it; `advance` is called after each probe.

        What an endpoint does wrong is a finding and never raised.
        """
        self._check_loop()
        return await self._endpoint(provider).probe(model, advance)

    def health(self) -> tuple[EndpointHealth, ...]:
        """How each model that was asked fares now. From any thread."""
        return tuple(health for endpoint in tuple(self._endpoints.values()) for health in endpoint.health())

    async def aclose(self) -> None:
        """Close every connection. Closing twice is fine."""
        if self._closed:
            return
        self._check_loop()
        self._closed = True
        for endpoint in self._endpoints.values():
            await endpoint.aclose()

    def _endpoint(self, name: str) -> Endpoint:
        """Made on first use, since its locks belong to the running event loop."""
        if name not in self._providers:
            raise ConfigError(f"no provider '{name}'; there are: {', '.join(sorted(self._providers))}")
        if name not in self._endpoints:
            provider = self._providers[name]
            learned = Learned(name, provider.base_url, self._memory, self._surroundings.now)
            self._endpoints[name] = Endpoint(name, provider, self._keys[name], learned, self._surroundings)
        return self._endpoints[name]

    def _check_loop(self) -> None:
        if self._closed:
            raise ConfigError("this OpenAIClient is closed; make a new one")
        token = current_token()
        if self._loop is None:
            self._loop = token
        if token != self._loop:
            # A pool from another loop fails with "Event loop is closed", which looks like a network failure.
            raise ConfigError("this OpenAIClient belongs to another event loop; make one client for each loop")


def _check_address(name: str, provider: Provider) -> None:
    try:
        address = urlsplit(provider.base_url)
        complete = address.hostname and address.port != 0 and not address.query and not address.fragment
    except ValueError:
        complete = False
    if not complete:
        # The address itself may hold a password, so it is not shown.
        raise ConfigError(f"providers.{name}.base_url: not an address such as 'https://api.openai.com/v1'")


def _key(name: str, provider: Provider, keys: Mapping[str, str]) -> str | None:
    """The provider's key; `None` for a server without keys."""
    if name in keys:
        return _sound_key(keys[name], f"keys.{name}: the key for '{name}'")
    if provider.api_key_env is None:
        return None
    source = f"providers.{name}.api_key_env: the environment variable '{provider.api_key_env}'"
    return _sound_key(os.environ.get(provider.api_key_env, ""), source)


def _sound_key(key: str, source: str) -> str:
    key = key.strip()
    if not key:
        raise ConfigError(f"{source} is not set")
    if not (key.isascii() and key.isprintable()):
        # The transport would refuse the header with an error that shows it.
        raise ConfigError(f"{source} holds characters that no key has")
    return key
