"""Look at pins, release one, and add one by hand.

    python examples/pins.py

One session sends an invoice that the cheap model gets wrong, then an easy one. You see the pin that the first earns,
the second held on the performance tier because of it, and what releasing and adding do to the next request.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from practice_models import practice_models
from pydantic import BaseModel

from qualityroute import Config, Engine, Pin
from qualityroute.practice import PracticeServer

DOCUMENTS = Path(__file__).parent / "documents"
SESSION = "gorse-hill"


class Invoice(BaseModel):
    vendor: str
    invoice_number: str
    total: float


async def main() -> None:
    task = {"instructions": "Extract the invoice's fields.", "schema": Invoice, "rubric": "extraction"}
    with PracticeServer() as server:
        config = Config.model_validate({**practice_models(server), "tasks": {"invoice": task}})
        async with Engine(config, store="sqlite://") as engine:
            await tell(engine)


async def tell(engine: Engine) -> None:
    await ask(engine, "subtotal.txt")
    for pin in await engine.pins.list():
        show(pin)
    await ask(engine, "clear.txt")

    released = await engine.pins.release(SESSION)
    print(f"\nreleased: {released.key.session if released else 'nothing'}")
    await ask(engine, "clear.txt")

    print("\nadded by hand:")
    show(await engine.pins.add(SESSION, message="a customer we must not fail"))
    await ask(engine, "clear.txt")


async def ask(engine: Engine, name: str) -> None:
    text = (DOCUMENTS / name).read_text(encoding="utf-8")
    decision = (await engine.run("invoice", text, session=SESSION)).decision
    calls = sum(len(attempt.all_calls) for attempt in decision.attempts)
    print(f"{name}: {decision.outcome}, {calls} model call{'s' if calls > 1 else ''}, answered by {decision.model}")


def show(pin: Pin) -> None:
    print(f"  session {pin.key.session} is pinned until {pin.until:%Y-%m-%d %H:%M} UTC")
    print(f"  because: {pin.reason}{f' by {pin.check}' if pin.check else ''}, {pin.message}")


if __name__ == "__main__":
    asyncio.run(main())
