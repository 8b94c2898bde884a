"""Runs the cells of a notebook, which come line by line on a socket; one process, as a kernel is.

Started by `lib.efd.notebook` in a Python that has the clients and nothing of this suite, so it imports nothing of it.
"""

import ast
import asyncio
import inspect
import json
import socket
import sys
import traceback

_names = {}


async def _run(cell):
    """As a notebook does: names stay from cell to cell, and `await` stands where it likes."""
    _names.update(cell["names"])
    _names["result"] = None
    code = compile(cell["source"], "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    value = eval(code, _names)
    if inspect.isawaitable(value):
        await value
    return json.dumps({"result": _names["result"]})


def _answer(loop, cell):
    try:
        return loop.run_until_complete(_run(cell))
    except Exception as error:
        traceback.print_exc()
        return json.dumps({"raised": type(error).__name__, "message": str(error)})


def main():
    """Serve the one connection that comes."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        connection, _ = listener.accept()
    with connection, connection.makefile("rw") as lines:
        for line in lines:
            lines.write(_answer(loop, json.loads(line)) + "\n")
            lines.flush()


main()
