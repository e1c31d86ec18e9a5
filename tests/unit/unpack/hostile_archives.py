"""Archives that attack whoever unpacks them, each with what the refusal must say."""

import gzip
import io
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable

Made = tuple[str, bytes]
ZIP, TGZ, TAR = "evil.zip", "evil.TGZ", "evil.tar"
_NOISE = random.Random(1).randbytes(100_000)


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return target.getvalue()


def tarred(*members: tuple[str | tarfile.TarInfo, bytes], format: int = tarfile.GNU_FORMAT) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=format) as archive:
        for name, data in members:
            about = tarfile.TarInfo(name) if isinstance(name, str) else name
            about.size = about.size or len(data)
            archive.addfile(about, io.BytesIO(data))
    return target.getvalue()


def special(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    about = tarfile.TarInfo(name)
    about.type, about.linkname = kind, link
    return about


def zip_mode(name: str, mode: int) -> zipfile.ZipInfo:
    about = zipfile.ZipInfo(name)
    about.create_system, about.external_attr = 3, mode << 16
    return about


def renamed(data: bytes, old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new)
    return data.replace(old, new)


def patched_directory(data: bytes, offset: int, format: str, value: int) -> bytes:
    """Change one field of the first entry of the central directory."""
    at = data.index(b"PK\x01\x02")
    whole = bytearray(data)
    struct.pack_into(format, whole, at + offset, value)
    return bytes(whole)


def lying_size() -> bytes:
    data = zipped(("a.bin", b"x" * 5000))
    local = bytearray(patched_directory(data, 24, "<L", 1000))
    struct.pack_into("<L", local, 22, 1000)
    return bytes(local)


def overlapping() -> bytes:
    data = bytearray(zipped(("aa.bin", b"x" * 50_000), ("ab.bin", b"x" * 50_000)))
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4)
    struct.pack_into("<L", data, second + 42, 0)
    return bytes(data)


def nested(wraps: int) -> bytes:
    """A zip in a tar in a zip, and so on."""
    data = zipped(("a.txt", b"hello"))
    for number in range(wraps):
        data = zipped(("in.tar", data)) if number % 2 else tarred(("in.zip", data))
    return data


def bomb(size: int) -> bytes:
    return gzip.compress(tarred(("zeros.bin", bytes(size))), 9)


def nested_bomb(size: int) -> bytes:
    """Each of the zips inside is harmless alone."""
    inner = zipped(("zeros.bin", bytes(size)))
    return zipped(*[(f"{number}.zip", inner) for number in range(8)])


def endless_header() -> bytes:
    """An extended header that wants 2 GB of memory."""
    about = special("x", tarfile.XHDTYPE)
    about.size = 2 << 30
    return about.tobuf(tarfile.USTAR_FORMAT) + bytes(4096)


def negative_size() -> bytes:
    about = tarfile.TarInfo("a.bin")
    block = bytearray(about.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = b"\xff" * 10 + b"\xfc\x00"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + bytes(1024)


def nul_in_pax() -> bytes:
    about = tarfile.TarInfo("good.txt")
    about.pax_headers = {"path": "good.txt\0../evil"}
    return tarred((about, b"x"), format=tarfile.PAX_FORMAT)


HOSTILE: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "zip-traversal": (lambda: zipped(("../evil.txt", b"x")), ZIP, "leads out of the folder"),
    "zip-traversal-inside": (lambda: zipped(("a/../../evil.txt", b"x")), ZIP, "leads out of the folder"),
    "zip-absolute": (lambda: zipped(("/etc/evil", b"x")), ZIP, "absolute"),
    "zip-drive": (lambda: zipped(("C:evil", b"x")), ZIP, "absolute"),
    "zip-backslash": (lambda: zipped(("..\\evil.txt", b"x")), ZIP, "backslash"),
    "zip-nul": (lambda: renamed(zipped(("good@evil", b"x")), b"good@evil", b"good\0evil"), ZIP, r"U\+0000"),
    "zip-writing-direction": (lambda: zipped(("a\u202etxt.exe", b"x")), ZIP, r"U\+202E"),
    "zip-link": (lambda: zipped((zip_mode("l", 0o120777), b"/etc/passwd")), ZIP, "it is a link"),
    "zip-device": (lambda: zipped((zip_mode("d", 0o020666), b"")), ZIP, "device"),
    "zip-encrypted": (lambda: patched_directory(zipped(("a", b"x")), 8, "<H", 1), ZIP, "encrypted"),
    "zip-method": (lambda: patched_directory(zipped(("a", b"x")), 10, "<H", 9), ZIP, "method 9"),
    "zip-twice-by-case": (lambda: zipped(("A.txt", b"x"), ("a.TXT", b"y")), ZIP, "the same, or differ only"),
    "zip-twice-by-unicode": (
        lambda: zipped(("\u00e9.txt", b"x"), ("e\u0301.txt", b"y")),
        ZIP,
        "the same, or differ only",
    ),
    "zip-file-and-folder": (lambda: zipped(("a", b"x"), ("a/b", b"y")), ZIP, "one is a file"),
    "zip-long-name": (lambda: zipped(("n" * 256, b"x")), ZIP, "256 bytes"),
    "zip-long-path": (lambda: zipped(("abc/" * 300 + "x", b"x")), ZIP, "longer than 1024"),
    "zip-other-name-inside": (
        lambda: zipped(("good.txt", b"x")).replace(b"good.txt", b"evil.txt", 1),
        ZIP,
        "another name",
    ),
    "zip-lying-size": (lying_size, ZIP, "1000 bytes that it declares"),
    "zip-overlap": (overlapping, ZIP, "another member as well"),
    "zip-bomb": (lambda: zipped(("zeros.bin", bytes(3 << 20))), ZIP, "decompression bomb"),
    "zip-nested-bomb": (lambda: nested_bomb(600_000), ZIP, "decompression bomb"),
    "zip-members": (lambda: zipped(*[(f"{n}", b"") for n in range(60)]), ZIP, "more than 50 files"),
    "zip-too-deep": (lambda: nested(4), ZIP, "nested more than 3 deep"),
    "zip-nested-traversal": (lambda: zipped(("in.tar", tarred(("../evil", b"x")))), ZIP, "in.tar.*leads out"),
    "zip-none": (lambda: b"no zip at all", ZIP, "no readable zip"),
    "zip-empty": (zipped, ZIP, "holds no file"),
    "zip-part-name": (lambda: zipped((".x.part", b"x")), ZIP, "unfinished files"),
    "tar-traversal": (lambda: gzip.compress(tarred(("../../evil", b"x"))), TGZ, "leads out of the folder"),
    "tar-absolute": (lambda: tarred(("/evil", b"x")), TAR, "absolute"),
    "tar-symlink": (lambda: tarred((special("l", tarfile.SYMTYPE, "/"), b""), ("l/x", b"x")), TAR, "a link"),
    "tar-hardlink": (lambda: tarred((special("l", tarfile.LNKTYPE, "/etc/passwd"), b"")), TAR, "a link"),
    "tar-device": (lambda: tarred((special("d", tarfile.CHRTYPE), b"")), TAR, "device"),
    "tar-fifo": (lambda: tarred((special("d", tarfile.FIFOTYPE), b"")), TAR, "device"),
    "tar-twice": (lambda: tarred(("a", b"x"), ("a", b"y")), TAR, "the same, or differ only"),
    "tar-folders-by-case": (lambda: tarred(("A/x", b"x"), ("a/y", b"y")), TAR, "differ only in case"),
    "tar-nul": (nul_in_pax, TAR, r"U\+0000"),
    "tar-bomb": (lambda: bomb(3 << 20), TGZ, "decompression bomb"),
    "tar-total": (lambda: tarred(("a.bin", bytes(20 << 20))), TAR, "which is the limit"),
    "tar-endless-header": (endless_header, TAR, "no honest one"),
    "tar-negative-size": (negative_size, TAR, "size is -|no honest|no readable|backwards"),
    "tar-damaged-header": (
        lambda: tarred(("a", b"x"), ("b", b"y")).replace(b"b\0\0\0", b"c\0\0\0", 1),
        TAR,
        "no readable tar",
    ),
    "tar-cut-at-a-member": (lambda: tarred(("a", b"x"), ("b", b"y"))[:1024], TAR, "no readable tar"),
    "gz-bomb": (lambda: gzip.compress(bytes(3 << 20), 9), "x.xml.gz", "decompression bomb"),
    "gz-none": (lambda: b"plain", "x.xml.gz", "not compressed"),
}
"""By name: how it is made, the archive's file name, and what the message says (a pattern)."""


def damaged_deflate() -> bytes:
    data = bytearray(zipped(("a.bin", bytes(range(256)) * 400)))
    data[60] ^= 0xFF
    return bytes(data)


def wrong_crc() -> bytes:
    return patched_directory(zipped(("a.bin", b"hello" * 100)), 16, "<L", 12345)


def short_gzip() -> bytes:
    return gzip.compress(tarred(("a.bin", _NOISE)))[:-2000]


def damaged_bzip2() -> bytes:
    data = bytearray(zipped(("a.bin", _NOISE), method=zipfile.ZIP_BZIP2))
    data[5000:5040] = bytes(40)
    return bytes(data)


DAMAGED: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "deflate": (damaged_deflate, ZIP, "a.bin"),
    "crc": (wrong_crc, ZIP, "CRC-32 of member 'a.bin'"),
    "bzip2": (damaged_bzip2, ZIP, "a.bin"),
    "gzip": (short_gzip, TGZ, "a.bin"),
    "gzip-crc": (
        lambda: gzip.compress(b"hello world")[:-8] + bytes(8),
        "x.xml.gz",
        "x.xml.gz",
    ),
}
"""Archives whose bytes are not those that they promise."""
