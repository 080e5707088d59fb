"""A network that holds loopback, 169.254.169.254 and one address that looks open, and nothing else: nobody outside can
be asked, by no mistake.

``enter`` moves the whole process into namespaces of its own, with its own hosts file and name servers. ``own_network``
then gives a thread, and the processes and sockets that it makes, a network beside that of the other threads: each
scenario has all of its ports and addresses, and whoever knocks at one of its canaries was sent there by it.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

CLOUD = "169.254.169.254"  # where clouds answer machines with their secrets
OPEN_NET = "11.22.33.44"  # nobody's in particular: what the crawl takes for the open network
NAME_SERVER = "127.0.0.53"
INSIDE = "BAOQUAN_HOSTILE_INSIDE"  # in the environment of the process that is in its namespaces already
CLONE_NEWNET = 0x40000000  # sched.h


def enter(hosts: Mapping[str, tuple[str, ...]]) -> None:
    """Start this command again in namespaces of its own; returns there, where ``hosts`` are the names that exist.

    Ends the process with one line when this machine allows no namespaces.
    """
    if INSIDE not in os.environ:
        command = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--mount", "--net"]
        if subprocess.run([*command, "true"], check=False).returncode:
            sys.exit("hostile: no namespaces here: allow them to this user, or run this as root")
        os.environ[INSIDE] = "1"
        os.execvp(command[0], [*command, sys.executable, "-m", "tests.hostile", *sys.argv[1:]])
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        for path, text in (
            ("/etc/hosts", "".join(f"{address} {name}\n" for name, found in hosts.items() for address in found)),
            ("/etc/resolv.conf", f"nameserver {NAME_SERVER}\noptions timeout:1 attempts:1\n"),
            ("/etc/nsswitch.conf", "hosts: files dns\npasswd: files\ngroup: files\n"),
        ):
            file = Path(folder) / Path(path).name
            file.write_text(text, encoding="ascii")
            subprocess.run(["mount", "--bind", str(file), path], check=True)


def own_network() -> None:
    """Give the calling thread a new network with nothing in it but loopback, ``CLOUD`` and ``OPEN_NET``."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    commands = f"link set lo up\naddress add {CLOUD}/32 dev lo\naddress add {OPEN_NET}/32 dev lo\n"
    subprocess.run(["ip", "-batch", "-"], input=commands, text=True, check=True)
