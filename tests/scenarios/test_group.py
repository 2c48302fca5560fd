"""A signaling group whose port cannot be had: the service serves, the group is down and says why."""

from __future__ import annotations

import socket
from collections.abc import Callable

from tests.ports import free_port
from tests.service import ServiceProcess, eventually


def test_a_port_in_use_takes_its_group_down_and_a_free_one_brings_it_up(service: Callable[..., ServiceProcess]) -> None:
    rest = service().rest()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        assert rest.post("sipsg/1", ListenPort_1=port).http_code == 200
        eventually(lambda: rest.get("sipsg/1").values["rt_Status"] == "1")
        assert f"udp:127.0.0.1:{port} cannot be bound" in rest.get("sipsg/1").values["rt_StatusReason"]
    assert rest.post("sipsg/1", ListenPort_1=free_port()).http_code == 200
    eventually(lambda: rest.get("sipsg/1").values["rt_Status"] == "0")
