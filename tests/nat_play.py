"""What is played behind a real NAT (`nat_network.py`), with a real registrar outside. It prints what it has seen, and fails
loudly.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.kamailio import Kamailio
from tests.nat_network import FORGETS_AFTER_SECONDS, INSIDE, OUTSIDE, ROUTER
from tests.scenarios.conftest import configure, put_entry
from tests.service import ServiceProcess, eventually

AOR = "alice@sip.test"
ENTRY = "sipcontactregistrant/1/sipregistrantentry/1"


def main() -> None:
    """Register from behind the NAT; let it forget; see that the contact follows; see that a flow keeps it from forgetting."""
    with tempfile.TemporaryDirectory() as name, Kamailio(host=OUTSIDE, namespace="outside", flow_timer=10) as registrar:

        def bound(reg_id: int = 0) -> list[str]:
            return [binding.uri for binding in registrar.dump().get(AOR, []) if binding.reg_id == reg_id]

        with ServiceProcess(Path(name) / "data", 5070, "--sip", f"{INSIDE}:5070") as service:
            rest = service.rest()
            rest.post("sipprofile/1", ContactAsSeen=1)
            configure(rest, registrar, Monitor=0)
            put_entry(rest)
            (first,) = eventually(bound, within=10)
            assert first.startswith(f"sip:alice@{ROUTER}:"), first
            time.sleep(FORGETS_AFTER_SECONDS + 2)
            rest.post(f"{ENTRY}?action=register")
            eventually(lambda: bound() not in ([], [first]), within=10)
            (second,) = bound()
            print(f"the NAT has forgotten {first}; the contact is {second} now")
            rest.post("sipservertable/1/sipserver/1", OutboundFlows=1)
            (kept,) = eventually(lambda: bound(reg_id=1), within=10)
            time.sleep(FORGETS_AFTER_SECONDS + 10)
            rest.post(f"{ENTRY}?action=register")
            time.sleep(2)
            assert bound(reg_id=1) == [kept], (bound(reg_id=1), kept)
            assert "flow.lost" not in service.log()
            print(f"a flow keeps {kept}")


if __name__ == "__main__":
    main()
