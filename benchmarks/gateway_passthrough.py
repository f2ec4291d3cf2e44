"""The gateway one writes in ten lines, for comparison: Starlette, and the SDK's typed call.

python benchmarks/gateway_passthrough.py UPSTREAM_URL PORT
"""

from __future__ import annotations

import json
import sys

import uvicorn
from openai import AsyncOpenAI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def app(upstream: str) -> Starlette:
    client = AsyncOpenAI(base_url=upstream, api_key="none", max_retries=0)

    async def complete(request: Request) -> Response:
        body = json.loads(await request.body())
        completion = await client.chat.completions.create(**body)
        return Response(completion.model_dump_json(), media_type="application/json")

    return Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])


if __name__ == "__main__":
    uvicorn.run(app(sys.argv[1]), port=int(sys.argv[2]), log_level="error", access_log=False)
