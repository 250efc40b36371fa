"""The drawing process: reads what to draw on standard input, writes pictures and PDFs to standard output.

Started by `studio.py` by its path, so it imports nothing of ours. One request is a line of JSON: a chart,
`{"kind": "png", "scale": 2, "spec": {…}}` with a Vega-Lite specification, or a document, `{"kind": "pdf",
"at": …, "data": {…}}` as `page.typ` reads it. The answer is a line `{"size": …}` followed by so many bytes,
or a line `{"error": …}`. It ends when its standard input does, and by the limits that it sets itself when
its parent is gone or it draws for too long.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

MEMORY_LIMIT = (
    1536 * 1024 * 1024
)  # bytes of data; V8 maps 600 MB of it at once, and reserves 60 GB of addresses
PROCESSOR_LIMIT = 120  # seconds over the life of the process
ERROR_LIMIT = 500  # characters
NOWHERE = ["https://nowhere.invalid/"]  # the only addresses that a specification may load from
PAGE = Path(__file__).absolute().with_name("page.typ")


def draw(request: dict[str, Any]) -> bytes:
    """One picture or document. Raises an error of the library for what cannot be drawn."""
    if request["kind"] == "pdf":
        return _pdf(request)
    import vl_convert  # 80 MB of library: loaded below the limits

    if request["kind"] == "svg":
        svg: str = vl_convert.vegalite_to_svg(request["spec"], allowed_base_urls=NOWHERE)
        return svg.encode()
    picture: bytes = vl_convert.vegalite_to_png(
        request["spec"], scale=request["scale"], allowed_base_urls=NOWHERE
    )
    return picture


def _pdf(request: dict[str, Any]) -> bytes:
    """Everything in `data` is a value to the template, never a part of it."""
    import typst  # 30 MB of library, as above

    made: bytes = typst.compile(
        str(PAGE),
        root=str(PAGE.parent),  # nothing outside could be read
        format="pdf",
        sys_inputs={"data": json.dumps(request["data"])},
        timestamp=request["at"],
    )
    return made


def main() -> None:
    """Draw until there is nothing more to draw."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_LIMIT, MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_LIMIT, PROCESSOR_LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it writes no files
    out = sys.stdout.buffer
    for line in sys.stdin.buffer:
        try:
            picture = draw(json.loads(line))
        except Exception as error:
            # Whatever a request does to the library is told to the parent, which decides.
            out.write(json.dumps({"error": str(error)[:ERROR_LIMIT]}).encode() + b"\n")
        else:
            out.write(json.dumps({"size": len(picture)}).encode() + b"\n" + picture)
        out.flush()


if __name__ == "__main__":
    main()
