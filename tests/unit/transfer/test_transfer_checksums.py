import base64
import hashlib

import blake3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.base.errors import InvalidInputError
from eoflows.stores.transfer import Checksum, Hasher
from eoflows.stores.transfer.checksums import ALGORITHMS

DATA = b"123456789"
MULTIHASHES = {
    "md5": "d50110" + hashlib.md5(DATA).hexdigest(),
    "sha1": "1114" + hashlib.sha1(DATA).hexdigest(),
    "sha2-256": "1220" + hashlib.sha256(DATA).hexdigest(),
    "sha2-512": "1340" + hashlib.sha512(DATA).hexdigest(),
    "sha2-384": "2030" + hashlib.sha384(DATA).hexdigest(),
    "sha3-512": "1440" + hashlib.sha3_512(DATA).hexdigest(),
    "sha3-384": "1530" + hashlib.sha3_384(DATA).hexdigest(),
    "sha3-256": "1620" + hashlib.sha3_256(DATA).hexdigest(),
    "blake3": "1e20" + blake3.blake3(DATA).hexdigest(),
    "blake2b-512": "c0e40240" + hashlib.blake2b(DATA).hexdigest(),
    "blake2b-256": "a0e40220" + hashlib.blake2b(DATA, digest_size=32).hexdigest(),
}


def test_all_algorithms_in_one_pass():
    hasher = Hasher(ALGORITHMS)
    hasher.update(DATA[:4])
    hasher.update(DATA[4:])
    found = {check.algorithm: check for check in hasher.checksums()}
    for name, text in MULTIHASHES.items():
        assert found[name].multihash() == text
        assert Checksum.parse(text.upper()) == found[name]
    assert found["crc32c"].digest.hex() == "e3069283"
    assert set(found) == set(MULTIHASHES) | {"crc32c"}


@pytest.mark.parametrize("bits", [8, 128, 160, 224, 384])
@pytest.mark.parametrize(("family", "code", "most"), [("blake2b", 0xB200, 512), ("blake2s", 0xB240, 256)])
def test_blake2_of_any_length(bits, family, code, most):
    if bits > most:
        with pytest.raises(InvalidInputError, match="not known"):
            Checksum(f"{family}-{bits}", bytes(bits // 8))
        return
    digest = getattr(hashlib, family)(DATA, digest_size=bits // 8).digest()
    found = Checksum.of_bytes(DATA, f"{family}-{bits}")
    assert found.digest == digest
    number = code + bits // 8
    head = bytes([number & 0x7F | 0x80, number >> 7 & 0x7F | 0x80, number >> 14, bits // 8])
    assert found.multihash() == (head + digest).hex()
    assert Checksum.parse(found.multihash()) == found


def test_a_checksum_of_the_earth_observation_catalogues():
    assert Checksum.parse("90e4021021b4f2310330f37ba42bb166a164cb2e").algorithm == "blake2b-128"


@pytest.mark.parametrize("text", ["8c0804" + "00" * 4, "1210" + "00" * 16, "c1f8020400000000"])
def test_a_multihash_of_another_algorithm_is_read_and_not_known(text):
    assert Checksum.read(text) is None
    with pytest.raises(InvalidInputError, match="not known here"):
        Checksum.parse(text)


def test_rs_servers_bare_md5_in_mixed_case():
    parsed = Checksum.parse("c5936e8aEA54c1e9C5BCEbe7e726a57f")
    assert parsed == Checksum("md5", bytes.fromhex("c5936e8aea54c1e9c5bcebe7e726a57f"))
    assert parsed.multihash() == "d50110c5936e8aea54c1e9c5bcebe7e726a57f"


def test_a_bare_sha256():
    assert Checksum.parse(hashlib.sha256(DATA).hexdigest()).algorithm == "sha2-256"


def test_googles_crc32c():
    assert Checksum.crc32c("4waSgw==") == Checksum("crc32c", bytes.fromhex("e3069283"))
    with pytest.raises(InvalidInputError, match="no multihash code"):
        Checksum.crc32c("4waSgw==").multihash()
    for bad in ("4waS", "!", ""):
        with pytest.raises(InvalidInputError):
            Checksum.crc32c(bad)


@pytest.mark.parametrize(
    "text",
    ["", "xyz", "d50110", "d50111" + "00" * 17, "ff20" + "00" * 32, "12 20", "d50110" + "00" * 15, "1"],
)
def test_anything_else_is_refused(text):
    with pytest.raises(InvalidInputError, match="multihash"):
        Checksum.parse(text)


def test_wrong_lengths_and_names_are_refused():
    with pytest.raises(InvalidInputError, match="16 bytes, not 3"):
        Checksum("md5", b"abc")
    with pytest.raises(InvalidInputError, match="md6"):
        Checksum("md6", b"abc")


@given(st.sampled_from(sorted(MULTIHASHES)), st.data())
def test_multihash_and_back(name, data):
    check = Checksum(
        name, data.draw(st.binary(min_size=ALGORITHMS[name].length, max_size=ALGORITHMS[name].length))
    )
    assert Checksum.parse(check.multihash()) == check


@given(st.text(max_size=80))
def test_parse_knows_or_refuses(text):
    try:
        Checksum.parse(text)
    except InvalidInputError:
        return


def test_base64_is_of_four_bytes():
    with pytest.raises(InvalidInputError, match="4 bytes, not 5"):
        Checksum.crc32c(base64.b64encode(b"12345").decode())
