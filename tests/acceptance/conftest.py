"""What several acceptance tests install once."""

from __future__ import annotations

import pytest

from tests.acceptance.node_rig import Node, install


@pytest.fixture(scope="session")
def playground_packages() -> Node:
    """Microsoft's local client, a driver for the browser, and the schemas of the app's manifest."""
    return install("playground")
