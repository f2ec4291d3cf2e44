"""A service of your own with sessions: who met a wrong answer once is held on the strong model for a while.

    pip install fastapi uvicorn
    python examples/fastapi_service.py [--port 8000]
    curl -s localhost:8000/invoices -H 'x-user: ada' --data-binary @examples/documents/subtotal.txt

One engine lives as long as the service. Each caller is a session, so that nobody meets the weak model again and again.
An answer that nobody can prove is status 422 with what was wrong, never a silently invalid object.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Header, HTTPException, Request
from practice_models import practice_models
from pydantic import BaseModel

from qualityroute import AnswerRejected, Config, DeadlineExceeded, Engine, ProviderError
from qualityroute.practice import PracticeServer


class Invoice(BaseModel):
    vendor: str
    invoice_number: str
    total: float


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """With models of your own: `async with Engine.from_file("qualityroute.toml") as engine`."""
    task = {"instructions": "Extract the invoice's fields.", "schema": Invoice, "rubric": "extraction"}
    with PracticeServer() as server:
        config = Config.model_validate({**practice_models(server), "tasks": {"invoice": task}})
        async with Engine(config, store="sqlite://") as engine:
            app.state.engine = engine
            yield


app = FastAPI(lifespan=lifespan)


@app.post("/invoices")
async def read_invoice(request: Request, x_user: Annotated[str, Header()]) -> dict[str, Any]:
    engine: Engine = request.app.state.engine
    try:
        answer = await engine.run("invoice", (await request.body()).decode("utf-8"), session=x_user)
    except AnswerRejected as error:
        raise HTTPException(422, [f"{verdict.check}: {verdict.message}" for verdict in error.verdicts]) from error
    except (ProviderError, DeadlineExceeded) as error:
        raise HTTPException(503, "no model answered; try again") from error
    decision = answer.decision
    return {"invoice": answer.output, "outcome": decision.outcome, "decision": decision.id}


@app.get("/sessions/{user}")
async def session(request: Request, user: str) -> dict[str, Any]:
    """Why this caller is held on the strong model, and until when."""
    engine: Engine = request.app.state.engine
    pin = await engine.pins.get(user)
    return {"pinned": pin is not None, "because": pin and pin.message, "until": pin and pin.until}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve the reading of invoices.")
    parser.add_argument("--port", type=int, default=8000)
    uvicorn.run(app, port=parser.parse_args().port, log_level="warning")
