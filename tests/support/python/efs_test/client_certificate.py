"""Client certificates of contract section 17, byte by byte, independent of the product.

Every field can be altered singly, also into what no certificate library would write: wrong order,
critical flags, non-minimal numbers, raw signatures. Only the RSA operations come from a library.
"""

import base64
import datetime
import hashlib
import hmac
import urllib.parse

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_keys = {}


def rsa_key(bits=3072, exponent=65537):
    """One key per kind for the whole run: making one takes a second."""
    if (bits, exponent) not in _keys:
        _keys[bits, exponent] = rsa.generate_private_key(exponent, bits)
    return _keys[bits, exponent]


# --- DER ------------------------------------------------------------------------------------------

def der(tag, *parts):
    content = b"".join(parts)
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    size = (len(content).bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + len(content).to_bytes(size, "big") + content


def sequence(*parts):
    return der(0x30, *parts)


def utf8(text):
    return der(0x0C, text.encode())


def octets(content):
    return der(0x04, content)


def oid(dotted):
    numbers = [int(n) for n in dotted.split(".")]
    out = bytes([numbers[0] * 40 + numbers[1]])
    for number in numbers[2:]:
        part = bytes([number & 0x7F])
        while number > 0x7F:
            number >>= 7
            part = bytes([0x80 | (number & 0x7F)]) + part
        out += part
    return der(0x06, out)


def utc_time(when):
    return der(0x17, when.strftime("%y%m%d%H%M%SZ").encode())


SUBJECT_KEY_ID = "2.5.29.14"
ACCESS_POINT = "1.3.6.1.4.1.4843.7.1"
CLIENT_AUTH = "1.3.6.1.4.1.4843.7.2"
FILE_SYSTEM = "1.3.6.1.4.1.4843.7.3"
CLIENT_INFO = "1.3.6.1.4.1.4843.7.4"
SHA256_RSA = sequence(oid("1.2.840.113549.1.1.11"), b"\x05\x00")


def extension(name, content, critical=None):
    flag = b"" if critical is None else der(0x01, b"\xff" if critical else b"\x00")
    return sequence(oid(name), flag, octets(content))


def common_name(text, tag=0x0C):
    return sequence(der(0x31, sequence(oid("2.5.4.3"), der(tag, text.encode()))))


# --- Signature ------------------------------------------------------------------------------------

def canonical_request(key_hash, access_key_id, token, fs_id, region, when):
    scope = f"{when:%Y%m%d}/{region}/elasticfilesystem/aws4_request"
    query = [
        "Action=Connect",
        f"PublicKeyHash={key_hash}",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "X-Amz-Credential=" + urllib.parse.quote_plus(f"{access_key_id}/{scope}"),
        f"X-Amz-Date={when:%Y%m%dT%H%M%SZ}",
        "X-Amz-Expires=86400",
    ]
    if token is not None:
        query.append("X-Amz-Security-Token=" + urllib.parse.quote_plus(token))
    query.append("X-Amz-SignedHeaders=host")
    empty = hashlib.sha256(b"").hexdigest()
    return "\n".join(["GET", "/", "&".join(query), f"host:{fs_id}", "host", empty])


def signature(request, secret, region, when, service="elasticfilesystem"):
    def mac(key, text):
        return hmac.new(key, text.encode(), hashlib.sha256).digest()

    scope = f"{when:%Y%m%d}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{when:%Y%m%dT%H%M%SZ}\n{scope}\n{digest}"
    key = mac(("AWS4" + secret).encode(), f"{when:%Y%m%d}")
    for part in (region, service, "aws4_request"):
        key = mac(key, part)
    return mac(key, to_sign).hex()


class Recipe:
    """A certificate to be; the defaults are right, a test alters one attribute."""

    def __init__(self, fs_id, now, access_point=None, identity=None, region="us-east-1"):
        self.fs_id = fs_id
        self.access_point = access_point
        self.identity = identity  # dict with access_key_id, secret_access_key, session_token
        self.region = region
        self.key = rsa_key()
        self.version = der(0xA0, der(0x02, b"\x02"))
        self.serial = der(0x02, b"\x00")
        self.inner_algorithm = SHA256_RSA
        self.outer_algorithm = SHA256_RSA
        self.hash = hashes.SHA256()
        self.issuer = common_name("host-a")
        self.subject = common_name("host-a")
        now = now.replace(microsecond=0)
        self.not_before = now - datetime.timedelta(minutes=15)
        self.not_after = now + datetime.timedelta(hours=3)
        self.validity = None          # replaces the encoded SEQUENCE of the two times
        self.signed_at = now
        self.signed_fs_id = fs_id
        self.signed_service = "elasticfilesystem"
        self.source = "unknown"
        self.client_version = "3.2.0"
        self.critical = {}            # OID -> True or False
        self.content = {}             # OID -> replacement of the extension's content
        self.order = [SUBJECT_KEY_ID, ACCESS_POINT, CLIENT_AUTH, FILE_SYSTEM, CLIENT_INFO]
        self.more_extensions = []
        self.signature_bytes = None   # replaces the 64 hexadecimal digits
        self.token_in_certificate = "as signed"
        self.spoil_self_signature = False

    def public_key(self):
        return self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def key_id(self):
        raw = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
        return hashlib.sha1(raw).digest()

    def shift(self, delta):
        """Made at another time."""
        self.not_before += delta
        self.not_after += delta
        self.signed_at += delta

    def auth(self):
        who = self.identity
        token = who["session_token"]
        request = canonical_request(self.key_id().hex(), who["access_key_id"], token,
                                    self.signed_fs_id, self.region, self.signed_at)
        digits = signature(request, who["secret_access_key"], self.region, self.signed_at,
                           self.signed_service)
        signed = self.signature_bytes or digits.encode()
        shown = token if self.token_in_certificate == "as signed" else self.token_in_certificate
        parts = [utf8(who["access_key_id"]), octets(signed), utc_time(self.signed_at)]
        if shown is not None:
            parts.append(der(0xA0, utf8(shown)))
        return sequence(*parts)

    def extension_contents(self):
        contents = {SUBJECT_KEY_ID: octets(self.key_id())}
        if self.access_point is not None:
            contents[ACCESS_POINT] = utf8(self.access_point)
        if self.identity is not None:
            contents[CLIENT_AUTH] = self.auth()
        contents[FILE_SYSTEM] = utf8(self.fs_id)
        contents[CLIENT_INFO] = sequence(utf8(self.source), utf8(self.client_version))
        contents.update(self.content)
        return contents

    def certificate(self):
        contents = self.extension_contents()
        listed = [extension(name, contents[name], self.critical.get(name))
                  for name in self.order if name in contents]
        body = sequence(
            self.version, self.serial, self.inner_algorithm, self.issuer,
            self.validity or sequence(utc_time(self.not_before), utc_time(self.not_after)),
            self.subject,
            self.public_key(), der(0xA3, sequence(*listed, *self.more_extensions)))
        signed = self.key.sign(body, padding.PKCS1v15(), self.hash)
        if self.spoil_self_signature:
            signed = bytes([signed[0] ^ 1]) + signed[1:]
        return sequence(body, self.outer_algorithm, der(0x03, b"\x00", signed))

    def write(self, directory):
        """Writes cert.pem and key.pem; returns both paths."""
        text = base64.encodebytes(self.certificate()).decode()
        cert, key = f"{directory}/cert.pem", f"{directory}/key.pem"
        with open(cert, "w") as out:
            out.write(f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n")
        with open(key, "wb") as out:
            out.write(self.key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption()))
        return cert, key
