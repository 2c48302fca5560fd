"""The attributes that no box has: they stand behind those of the pages, and whoever does not name them notices nothing."""

from sipregistrant.model.attributes import ENABLE
from sipregistrant.model.registry import RESOURCES

from .tables import Row, row_of

OURS = {
    "sipremoteauthentry": [Row("PasswordKind", False, "Enum", 0, {0: "password", 1: "HA1"})],
    "sipserver": [
        Row("MaxRegistersPerSecond", False, "int", 0, (0, 100000)),
        Row("MaxRegistrationsInFlight", False, "int", 0, (0, 10000)),
        Row("StayWithTarget", False, "Enum", 0, ENABLE),
        Row("RouteSet", False, "uri", None, 1024),
        Row("SwitchToTcp", False, "Enum", 0, ENABLE),
        Row("WebSocketPath", False, "uri", None, 256),
        Row("OutboundFlows", False, "int", 0, (0, 4)),
        Row(
            "AdminState",
            False,
            "Enum",
            1,
            {0: "cmCustomDisabled", 1: "cmCustomEnabled", 2: "cmCustomDrain", 3: "cmCustomMaintenance"},
        ),
        Row("ProviderProfileID", False, "int", 0, (0, 65534)),
    ],
    "sipprofile": [Row("ContactAsSeen", False, "Enum", 0, ENABLE)],
    "sipsg": [Row("PublicAddress", False, "uri", None, 256), Row("SourcePorts", False, "int", 1, (1, 64))],
    "sipregistrantentry": [Row("FromURI", False, "uri", None, 512)],
}


def test_these_are_all_there_are() -> None:
    assert {name: [row_of(a) for a in resource.ours] for name, resource in RESOURCES.items() if resource.ours} == OURS


def test_they_stand_behind_those_of_the_page() -> None:
    for name, rows in OURS.items():
        assert RESOURCES[name].attributes[-len(rows) :] == RESOURCES[name].ours


def test_all_of_them_may_be_left_out() -> None:
    for resource in RESOURCES.values():
        for attribute in resource.ours:
            assert not attribute.required
            assert attribute.when_absent() == (0 if attribute.is_number else "") or attribute.default == 1
