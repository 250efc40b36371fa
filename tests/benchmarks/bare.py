"""Procrastinate alone, with a task that does nothing: what the distributed engine is measured against.

A module of its own: Procrastinate wants its tasks in a module that has a name, which the started one has not.
"""

from __future__ import annotations

from typing import Any

import procrastinate
import sqlalchemy as sa


def application(address: str) -> tuple[procrastinate.App, Any]:
    """The application that is not opened yet, and its task."""
    plain = sa.make_url(address).set(drivername="postgresql").render_as_string(hide_password=False)
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=plain, min_size=2, max_size=12))

    @app.task(name="noop", queue="bare")
    async def noop(n: int) -> None:
        return None

    return app, noop


async def work(address: str, concurrency: int) -> None:
    """A worker of no-ops, until it is terminated."""
    app, _ = application(address)
    async with app.open_async():
        await app.run_worker_async(queues=["bare"], concurrency=concurrency, delete_jobs="always")
