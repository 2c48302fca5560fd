"""A real NAT: three network namespaces of our own, and a program that runs behind it.

    python -m tests.nat_network MODULE        # runs MODULE in the namespace `inside`; exit status and output are its own

Inside is 192.168.77.2, whose way out is a router that puts its own address and a port of its choice in the place of what comes
from there, and forgets that when nothing has gone through for FORGETS_AFTER_SECONDS. Behind the router is `outside`,
198.51.100.2. All of it belongs to a user namespace, so nobody needs rights and nothing of the machine is touched; it is gone with
the program.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

__all__ = ["FORGETS_AFTER_SECONDS", "INSIDE", "OUTSIDE", "ROUTER", "why_not"]

INSIDE, OUTSIDE, ROUTER = "192.168.77.2", "198.51.100.2", "198.51.100.1"

FORGETS_AFTER_SECONDS = 12

# With processes of its own, too: when it ends, however it ends, nothing of it is left.
UNSHARE = ["unshare", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]

SET_UP = f"""
ip netns attach router {os.getpid()}
ip link set lo up
ip netns add inside
ip netns add outside
ip link add to-inside type veth peer name eth0 netns inside
ip link add to-outside type veth peer name eth0 netns outside
ip addr add 192.168.77.1/24 dev to-inside
ip addr add {ROUTER}/24 dev to-outside
ip link set to-inside up
ip link set to-outside up
ip -n inside addr add {INSIDE}/24 dev eth0
ip -n inside link set lo up
ip -n inside link set eth0 up
ip -n inside route add default via 192.168.77.1
ip -n outside addr add {OUTSIDE}/24 dev eth0
ip -n outside link set lo up
ip -n outside link set eth0 up
nft add table ip nat
nft add chain ip nat after {{ type nat hook postrouting priority 100 ; }}
nft add rule ip nat after ip saddr 192.168.77.0/24 masquerade random,fully-random
"""
SETTINGS = {
    "net/ipv4/ip_forward": 1,
    "net/netfilter/nf_conntrack_udp_timeout": FORGETS_AFTER_SECONDS,
    "net/netfilter/nf_conntrack_udp_timeout_stream": FORGETS_AFTER_SECONDS,
}


def why_not() -> str:
    """Return why there can be no such network here, "" where there can."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    for tool, package in (("unshare", "util-linux"), ("ip", "iproute2"), ("nft", "nftables")):
        if shutil.which(tool, path=path) is None:
            return f"needs {tool}: sudo apt-get install --no-install-recommends {package}"
    tried = subprocess.run([*UNSHARE, "sh", "-ec", "mount -t tmpfs none /run && nft add table ip nat"],
                           env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=30)  # fmt: skip
    return f"needs network namespaces: {tried.stderr.strip()}" if tried.returncode else ""


def main() -> None:
    """Make the network, in a namespace that is ours, and become the program behind it."""
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    if sys.argv[1] != "--made":
        os.execvp(UNSHARE[0], [*UNSHARE, sys.executable, "-m", "tests.nat_network", "--made", *sys.argv[1:]])
    # What `ip netns` keeps there is ours alone.
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True, timeout=30)
    for line in SET_UP.strip().splitlines():
        subprocess.run(line.split(" ", 5) if line.startswith("nft add chain") else line.split(), check=True, timeout=30)
    for name, value in SETTINGS.items():
        with open(f"/proc/sys/{name}", "w", encoding="ascii") as setting:
            setting.write(str(value))
    os.execvp("ip", ["ip", "netns", "exec", "inside", sys.executable, "-m", *sys.argv[2:]])


if __name__ == "__main__":
    main()
