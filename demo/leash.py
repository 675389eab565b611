"""Run a command that must not outlive the process that started it.

Started as ``python -I -S leash.py PARENT SIGNAL USER COMMAND...``: drops to USER when one is named, asks the kernel
(Linux only) for SIGNAL when the parent dies, and becomes COMMAND. A separate program, because the same between fork and
exec would run Python in a process copied from one with many threads. The kernel forgets the wish when a process changes
its user, so the user comes first.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1

# A shell starts background jobs with the interrupt ignored, Python ignores broken pipes, and commands inherit both.
_RESTORED = ("SIGINT", "SIGTERM", "SIGPIPE", "SIGXFSZ")


def main(arguments: list[str]) -> None:
    """Become the command, or exit with 1 when the parent is already gone."""
    parent, signal_number, user, *command = arguments
    for name in _RESTORED:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    if user:
        _become(user)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal_number))
    if os.getppid() != int(parent):
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606  # The whole purpose; the command comes from our own code.


def _become(user: str) -> None:
    import pwd  # noqa: PLC0415  # Absent on systems where nobody needs to drop privileges.

    account = pwd.getpwnam(user)
    os.setgroups([account.pw_gid])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


if __name__ == "__main__":
    main(sys.argv[1:])
