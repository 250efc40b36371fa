"""What Prefect does here, in its own interpreter: `serve` runs flows, `measure` asks for some.

Nothing of slashjob is imported: this file is run where only Prefect is installed.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import statistics
import sys
import time
from typing import Any

prefect: Any = importlib.import_module("prefect")

AT_ONCE = 10


@prefect.flow(log_prints=False)  # type: ignore[untyped-decorator]
def trivial(n: int) -> int:
    """A run that does nothing."""
    return n


async def measure(alone: int, together: int) -> dict[str, float]:
    """`latency`: median seconds from trigger to done, one at a time; `rate`: done per second, `together` at
    once."""
    orchestration: Any = importlib.import_module("prefect.client.orchestration")
    async with orchestration.get_client() as client:
        deployment = await _deployed(client)

        async def trigger(n: int) -> Any:
            return await client.create_flow_run_from_deployment(deployment, parameters={"n": n})

        async def done(run: Any) -> None:
            while not (found := (await client.read_flow_run(run.id)).state).is_final():
                await asyncio.sleep(0.1)
            if not found.is_completed():
                raise RuntimeError(found.name)

        await done(await trigger(0))
        waits = []
        for n in range(alone):
            began = time.perf_counter()
            await done(await trigger(n))
            waits.append(time.perf_counter() - began)
        began = time.perf_counter()
        runs = [await trigger(n) for n in range(together)]  # ten at once: its server answers 503 on SQLite
        await asyncio.gather(*(done(run) for run in runs))
        rate = together / (time.perf_counter() - began)
    return {"latency": statistics.median(waits), "rate": rate}


async def _deployed(client: Any) -> Any:
    """The deployment's id, as soon as the one who serves has made it known."""
    missing: Any = importlib.import_module("prefect.exceptions").ObjectNotFound
    async with asyncio.timeout(300):
        while True:
            try:
                return (await client.read_deployment_by_name("trivial/bench")).id
            except missing:
                await asyncio.sleep(0.2)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        trivial.serve(name="bench", limit=AT_ONCE, print_starting_message=False)
    else:
        print(json.dumps(asyncio.run(measure(int(sys.argv[2]), int(sys.argv[3])))))
