"""A Jupyter server or JupyterLab as on people's instances: at an address, and below a path, of its own."""

import sys
from pathlib import Path

import httpx

from lib.bench import Bench, Peer
from lib.leaks import Ledger
from lib.ports import free_port
from lib.wiretap import Wiretap

# As VISA's images have it, but for `token`, which they leave empty, and for the limits, which a test of 20 MB is above.
_CONFIG = """
c.ServerApp.ip = {address!r}
c.ServerApp.port = {port}
c.ServerApp.port_retries = 0
c.ServerApp.base_url = {base_url!r}
c.ServerApp.root_dir = {root!r}
c.ServerApp.allow_root = True
c.ServerApp.allow_remote_access = True
c.ServerApp.open_browser = False
c.ServerApp.max_body_size = 1 << 30
c.ServerApp.max_buffer_size = 1 << 30
c.ServerApp.disable_check_xsrf = {scripts}
c.ServerApp.tornado_settings = {{"headers": {{"Content-Security-Policy": "frame-ancestors {frame_ancestors}"}}}}
c.IdentityProvider.token = {token!r}
c.ZMQChannelsWebsocketConnection.iopub_data_rate_limit = 1e12
c.ZMQChannelsWebsocketConnection.iopub_msg_rate_limit = 1e12
c.MultiKernelManager.default_kernel_name = "python3"
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
"""
_NO_NEWS = '{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}'


class Jupyter:
    """One of them; what reaches it is recorded, unless `tapped` is false, as for what moves hundreds of megabytes."""

    def __init__(
        self,
        bench: Bench,
        ledger: Ledger,
        id: int,
        address: str,
        port: int,
        *,
        lab: bool = False,
        token: str = "",
        tapped: bool = True,
        frame_ancestors: str = "'self'",
        base_url: str | None = None,
    ) -> None:
        self.id = id
        self.address = address
        self.port = port
        self.token = token
        self.base_url = base_url or f"/jupyter/{id}/"
        self.name = f"jupyter-{id}"
        own_port = free_port(address) if tapped else port
        self.direct = f"http://{address}:{own_port}"
        self.direct_port = own_port
        home = bench.directory(self.name)
        self.root = home / "files"
        self.root.mkdir()
        config = home / "jupyter_server_config.py"
        config.write_text(
            _CONFIG.format(
                address=address,
                port=own_port,
                base_url=self.base_url,
                root=str(self.root),
                token=token,
                scripts=not (lab or token),  # else a script would have to get a cookie first, as pages do
                frame_ancestors=frame_ancestors,
            )
        )
        self._no_news(home)
        module = "jupyterlab" if lab else "jupyter_server"
        environment = {"HOME": str(home), "IPYTHONDIR": str(home / "ipython"), "JUPYTER_RUNTIME_DIR": str(home / "run")}
        if token:
            ledger.shared_secret(token)  # what people may see on their own machine no log of ours may
        self.peer: Peer = bench.start(
            self.name,
            [sys.executable, "-m", module, "--config", config],
            env=environment,
            cwd=home,
            ready=lambda: self._answers(),
            within=60,
        )
        self.tap: Wiretap | None = None
        if tapped:
            self.tap = Wiretap(f"instance {id}", own_port, host=address, port=port)
            ledger.upstream_saw(self.tap.name, self.tap.sent_parts)

    @staticmethod
    def _no_news(home: Path) -> None:
        """It asks at its first start whether to fetch news from the internet."""
        page = home / ".jupyter" / "labconfig" / "page_config.json"
        page.parent.mkdir(parents=True)
        page.write_text(_NO_NEWS)

    def _answers(self) -> bool:
        headers = {"Authorization": f"token {self.token}"} if self.token else {}
        answer = httpx.get(f"{self.direct}{self.base_url}api/status", headers=headers, trust_env=False, timeout=5)
        return answer.status_code == 200

    @property
    def saw(self) -> bytes:
        """All that ever reached it."""
        assert self.tap is not None, "it was not recorded"
        return self.tap.sent
