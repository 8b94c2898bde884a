"""Running a notebook inside a single-user server, so that it holds that server's own token and no other."""

import json
import sys
from pathlib import Path
from typing import Any

import httpx
import nbformat
import websocket

from lib.poll import DeadlinePassed

_DONE = "nbclient ended with "


class NotebookServer:
    """A user's running server, driven as its web page drives it: files by its contents API, commands in a terminal."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url, headers=self._headers, timeout=30, trust_env=False)

    def run(self, name: str, cells: list[str], *, within: int = 90) -> nbformat.NotebookNode:
        """Upload a notebook, execute it there with nbclient's own command, and bring back what it became."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        content = {"type": "notebook", "format": "json", "content": notebook}
        self._http.put(f"/api/contents/{name}.ipynb", json=content).raise_for_status()
        # By its full path: a terminal is a login shell, whose profile sets a PATH of its own.
        execute = Path(sys.executable).parent / "jupyter-execute"
        transcript = self._terminal(f"{execute} --output={name}.done.ipynb {name}.ipynb", within)
        answer = self._http.get(f"/api/contents/{name}.done.ipynb")
        assert answer.status_code == 200, f"the notebook failed:\n{transcript}"
        return nbformat.from_dict(answer.json()["content"])

    def _terminal(self, command: str, within: int) -> str:
        """Run one command in a terminal of the server; returns all that the terminal showed."""
        answer = self._http.post("/api/terminals")
        answer.raise_for_status()
        terminal = answer.json()["name"]
        address = self._url.replace("http", "ws", 1) + f"/terminals/websocket/{terminal}"
        socket = websocket.create_connection(
            address, header=[f"{name}: {value}" for name, value in self._headers.items()], timeout=within
        )
        shown = ""
        try:
            # The words are split in the command, so that its echo is not taken for its end.
            socket.send(json.dumps(["stdin", f"{command}; echo 'nbclient ''ended with '$?.\r"]))
            while _DONE not in shown:
                kind, *rest = json.loads(socket.recv())
                if kind == "stdout":
                    shown += rest[0]
        except websocket.WebSocketTimeoutException as timeout:
            raise DeadlinePassed(f"`{command}` was silent for {within} s:\n{shown}") from timeout
        finally:
            socket.close()
            self._http.delete(f"/api/terminals/{terminal}")
        return shown


def printed(notebook: nbformat.NotebookNode) -> list[Any]:
    """What each cell printed, read as JSON; `None` for a silent one."""
    values: list[Any] = []
    for cell in notebook.cells:
        texts = [output.text for output in cell.outputs if output.output_type == "stream" and output.name == "stdout"]
        values.append(json.loads("".join(texts)) if texts else None)
    return values
