"""``python -m sandbox --port 0 --port-file PATH [--state FILE]``: the sandbox as a process; prints its address.

With ``GATEWAY_URL`` and the webhook secrets in its environment it sends the news of both providers there.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sandbox.receivers import Settings, register
from sandbox.server import Server
from sandbox.world import World


def main() -> None:
    """Serve until a signal comes."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="The outside world, played over HTTP.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="the port; 0 takes a free one (default: %(default)s)")
    parser.add_argument("--port-file", type=Path, help="write the port into this file once it listens")
    parser.add_argument("--state", type=Path, help="keep everything in this SQLite file")
    parser.add_argument(
        "--hold-days", type=float, default=7, help="how long authorisations stand (default: %(default)s)"
    )
    given = parser.parse_args()
    server = Server(World(state=given.state, hold_days=given.hold_days), host=given.host, port=given.port)

    def announce(url: str) -> None:
        if given.port_file is not None:
            # A reader that polls for the file must never see it half written.
            draft = given.port_file.with_name(given.port_file.name + ".draft")
            draft.write_text(url.rpartition(":")[2])
            draft.replace(given.port_file)
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()

    server.on_listening = announce
    register(server.world, server.carrier, Settings())
    server.run()
    server.world.store.close()


if __name__ == "__main__":
    main()
