import pytest

from eoflows.base.errors import ForbiddenAddressError
from eoflows.base.http import AddressPolicy, Origin


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
    ],
)
def test_addresses_that_nobody_configured_are_refused(address):
    policy = AddressPolicy([Origin.of("https://station.example")])
    with pytest.raises(ForbiddenAddressError, match=r"evil\.example:443"):
        policy.check("evil.example", 443, address)
    policy.check("station.example", 443, address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]
)
def test_public_addresses_are_free(address):
    AddressPolicy().check("data.example", 443, address)


def test_trust_is_for_host_and_port_together():
    policy = AddressPolicy([Origin.of("http://127.0.0.1:8001/auxip")])
    policy.check("127.0.0.1", 8001, "127.0.0.1")
    for host, port in (("127.0.0.1", 8002), ("localhost", 8001)):
        assert not policy.trusts(host, port)
        with pytest.raises(ForbiddenAddressError, match="asset_origins"):
            policy.check(host, port, "127.0.0.1")
    assert AddressPolicy([Origin.of("http://Station:1")]).trusts("STATION", 1)
