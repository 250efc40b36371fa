"""Manifests as text: what an admin gives to a platform so that it makes the app."""

from __future__ import annotations

from typing import Any

import yaml

from adapters.slack.manifest import EXAMPLE, manifest
from core.errors import Misconfigured

_HEAD = """\
# The app of slashjob in Slack, written by `slashjob slack-manifest`: --url puts your server's address into
# it, --socket is for where Slack cannot reach your server. https://api.slack.com/apps, Create New App.
"""


def slack(url: str = "", *, socket: bool = False) -> str:
    """The manifest for Slack as YAML.

    Raises:
        Misconfigured: Slack could not reach that address.
    """
    if url and not url.startswith("https://"):
        raise Misconfigured([f"Slack only calls addresses that begin with https://, not {url}."])
    return _HEAD + yaml.dump(
        manifest(url or EXAMPLE, socket=socket), Dumper=_Dumper, sort_keys=False, width=100
    )


class _Dumper(yaml.SafeDumper):
    """Indents lists, as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:  # noqa: ARG002, FBT
        return super().increase_indent(flow, False)
