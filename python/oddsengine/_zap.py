"""Keys on disk, and who may connect: CURVE key pairs and the ZAP handler of the serve loop."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from zmq.utils import z85

from oddsengine.exceptions import OddsEngineError

__all__ = ["NAME_PROPERTY", "KeyFileError", "KeyPair", "ZapHandler", "public_key", "read_keys", "write_keys"]

# libzmq asks here whether a connection may be made; the name is its own.
ZAP_ENDPOINT = "inproc://zeromq.zap.01"
# The property of a message that holds the name of its connection's key: ZAP's user id.
NAME_PROPERTY = "User-Id"
# Most questions that are answered in one turn of the loop.
QUESTIONS_PER_TURN = 64
# Length of a key in Z85 text.
KEY_LENGTH = 40


class KeyFileError(OddsEngineError, ValueError):
    """A key, or a file that should hold one, is not usable."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A CURVE key pair in Z85 text. The secret half is absent when only the public one is known."""

    public: bytes
    secret: bytes | None = field(default=None, repr=False)

    @classmethod
    def new(cls) -> KeyPair:
        """A fresh pair."""
        public, secret = zmq.curve_keypair()
        return cls(public, secret)


def public_key(text: str) -> bytes:
    """Check one public key in Z85 text.

    Examples
    --------
    >>> public_key("too short")
    Traceback (most recent call last):
    oddsengine._zap.KeyFileError: key 'too short' has 9 characters, not 40
    """
    if len(text) != KEY_LENGTH:
        raise KeyFileError(f"key {text!r} has {len(text)} characters, not {KEY_LENGTH}")
    try:
        z85.decode(text.encode("ascii"))
    except (ValueError, KeyError, UnicodeEncodeError) as error:
        raise KeyFileError(f"key {text!r} is not Z85 text") from error
    return text.encode("ascii")


def write_keys(pair: KeyPair, stem: Path) -> tuple[Path, Path]:
    """Write ``<stem>.key`` (to give away) and ``<stem>.key_secret`` (only the owner can read it).

    The format is the one of ``zmq.auth``. Existing files are not touched.

    Raises
    ------
    FileExistsError
        One of the two files is there already.
    """
    public, secret = (stem.with_name(stem.name + suffix) for suffix in (".key", ".key_secret"))
    halves = [f'    public-key = "{pair.public.decode()}"']
    if pair.secret is not None:
        halves.append(f'    secret-key = "{pair.secret.decode()}"')
    if public.exists():
        raise FileExistsError(public)
    _create(secret, "\n".join(["# CURVE secret key: keep it.", "metadata", "curve", *halves, ""]), 0o600)
    _create(
        public, "\n".join(["# CURVE public key: give it away.", "metadata", "curve", halves[0], ""]), 0o644
    )
    return public, secret


def _create(path: Path, text: str, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(text)


def read_keys(path: Path, *, secret: bool) -> KeyPair:
    """Read a key file.

    Parameters
    ----------
    path
        A file written by ``oddsengine keygen`` or by ``zmq.auth``.
    secret
        The secret key must be in it, and nobody but the owner may be able to read it.
    """
    try:
        text = path.read_text(encoding="ascii")
        mode = stat.S_IMODE(path.stat().st_mode)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text file"
        raise KeyFileError(f"cannot read key file {path}: {reason}") from error
    found = {"public-key": None, "secret-key": None} | _assignments(text)
    if found["public-key"] is None:
        raise KeyFileError(f"key file {path} holds no public-key")
    if secret and found["secret-key"] is None:
        raise KeyFileError(
            f"key file {path} holds no secret-key\nhint: name the file that ends in .key_secret"
        )
    if secret and mode & 0o077:
        raise KeyFileError(f"key file {path} can be read by others\nhint: chmod 600 {path}")
    try:
        half = found["secret-key"] if secret else None
        return KeyPair(public_key(found["public-key"]), None if half is None else public_key(half))
    except KeyFileError as error:
        # The key itself is not repeated: it may be the secret one.
        raise KeyFileError(
            f"key file {path} holds a key that is not {KEY_LENGTH} characters of Z85"
        ) from error


def _assignments(text: str) -> dict[str, str]:
    """The ``name = "value"`` lines of a key file."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip('"') for name, value in pairs}


class ZapHandler:
    """Lets in the clients of an allow-list and nobody else; polled in the loop that owns the sockets.

    Parameters
    ----------
    context
        The context of the sockets to guard: libzmq asks within it.
    allowed
        For each ZAP domain (one per socket) the public keys in Z85 text with their names. libzmq writes
        the name on every message of the connection, as its property :data:`NAME_PROPERTY`.
    """

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], allowed: Mapping[str, Mapping[bytes, str]]
    ) -> None:
        self._allowed = {
            domain.encode(): {z85.decode(key): name.encode() for key, name in keys.items()}
            for domain, keys in allowed.items()
        }
        self.socket = context.socket(zmq.REP)
        self.socket.linger = 0
        self.socket.bind(ZAP_ENDPOINT)
        self.accepted_count = 0
        self.refused_count = 0

    def handle(self) -> None:
        """Answer the questions that wait, up to a bound: the rest waits for the next turn."""
        for _ in range(QUESTIONS_PER_TURN):
            if not self.socket.poll(0):
                return
            question = self.socket.recv_multipart()
            self.socket.send_multipart(self._answer(question))

    def _answer(self, question: list[bytes]) -> list[bytes]:
        if len(question) < 6 or question[0] != b"1.0":
            return [b"1.0", question[1] if len(question) > 1 else b"", b"500", b"not a ZAP request", b"", b""]
        _, request, domain, _address, _identity, mechanism, *credentials = question
        names = self._allowed.get(domain, {})
        if mechanism == b"CURVE" and len(credentials) == 1 and credentials[0] in names:
            self.accepted_count += 1
            return [b"1.0", request, b"200", b"OK", names[credentials[0]], b""]
        self.refused_count += 1
        return [b"1.0", request, b"400", b"not on the allow-list of this socket", b"", b""]

    def close(self) -> None:
        """Stop answering: from now on everybody is refused."""
        self.socket.close()
