"""The simulator accepts exactly the client certificates of contract section 17 (CERT-1 ... CERT-6).

Each refusal alters a single field of a right certificate, and the refusal must name that field:
the connection ends after the handshake and before any NFS byte.
"""

import datetime
import json
import os
import ssl
import unittest

from cryptography.hazmat.primitives import hashes, serialization

from efs_test import client_certificate as cc
from efs_test.client_certificate import Recipe, der, octets, oid, sequence, utf8
from efs_test.nfs_client import Closed, null
from efs_test.simulator import AP, AP2, FS, FS2, ROLE, Simulator, USER

SHA384_RSA = sequence(oid("1.2.840.113549.1.1.12"), b"\x05\x00")
SHA1_RSA = sequence(oid("1.2.840.113549.1.1.5"), b"\x05\x00")
MINUTE = datetime.timedelta(minutes=1)
BASIC_CONSTRAINTS = cc.extension("2.5.29.19", sequence(der(1, b"\xff")))
KEY_USAGE = cc.extension("2.5.29.15", der(3, b"\x07\x80"))


def utc_now():
    return datetime.datetime.utcnow()


def general_time(when):
    return der(0x18, when.strftime("%Y%m%d%H%M%SZ").encode())


def set_to(**attributes):
    """An alteration that sets attributes of the recipe."""
    def alter(recipe):
        for name, value in attributes.items():
            setattr(recipe, name, value)
    return alter


def identity_with(**changes):
    return lambda recipe: setattr(recipe, "identity", {**recipe.identity, **changes})


def content(name, value):
    return lambda recipe: recipe.content.update({name: value})


def sha(kind, algorithm):
    return set_to(hash=kind, inner_algorithm=algorithm, outer_algorithm=algorithm)


def both_names(name):
    return set_to(issuer=name, subject=name)


def swap(first, second):
    def alter(recipe):
        order = list(recipe.order)
        i, j = order.index(first), order.index(second)
        order[i], order[j] = order[j], order[i]
        recipe.order = order
    return alter


def without(name):
    return lambda recipe: setattr(recipe, "order", [n for n in recipe.order if n != name])


def twice(name):
    def alter(recipe):
        i = recipe.order.index(name)
        recipe.order = recipe.order[:i] + [name] + recipe.order[i:]
    return alter


def uppercase_signature(recipe):
    signed = bytes.fromhex(recipe.auth().hex())  # the right one, then in capitals
    start = signed.index(b"\x04\x40") + 2
    recipe.signature_bytes = signed[start:start + 64].upper()


def raw_signature(recipe):
    uppercase_signature(recipe)
    recipe.signature_bytes = bytes.fromhex(recipe.signature_bytes.decode())


def one_digit_changed(recipe):
    uppercase_signature(recipe)
    digits = recipe.signature_bytes.lower()
    recipe.signature_bytes = digits[:-1] + (b"0" if digits[-1:] != b"0" else b"1")


def generalized_validity(recipe):
    recipe.validity = sequence(general_time(recipe.not_before), general_time(recipe.not_after))


def auth_with_extra_element(recipe):
    inner = recipe.auth()
    body = inner[3:] if inner[1] == 0x81 else inner[4:] if inner[1] == 0x82 else inner[2:]
    recipe.content[cc.CLIENT_AUTH] = sequence(body, utf8("more"))


def implicit_token(recipe):
    token = recipe.identity["session_token"].encode()
    right = recipe.auth()
    explicit = der(0xA0, der(0x0C, token))
    body = right[right.index(b"\x0c"):]
    recipe.content[cc.CLIENT_AUTH] = sequence(body.replace(explicit, der(0x80, token)))


# name -> (alteration, the field that the refusal must name)
REFUSED = {
    "version_1": (set_to(version=b""), "version"),
    "version_2": (set_to(version=der(0xA0, der(2, b"\x01"))), "version"),
    "negative_serial": (set_to(serial=der(2, b"\xff")), "serial"),
    "serial_of_21_octets": (set_to(serial=der(2, b"\x01" * 21)), "serial"),
    "sha384_signature": (sha(hashes.SHA384(), SHA384_RSA), "signature_algorithm"),
    "sha1_signature": (sha(hashes.SHA1(), SHA1_RSA), "signature_algorithm"),
    "algorithm_without_null": (
        set_to(inner_algorithm=sequence(oid("1.2.840.113549.1.1.11")),
               outer_algorithm=sequence(oid("1.2.840.113549.1.1.11"))), "signature_algorithm"),
    "issuer_is_not_subject": (set_to(issuer=cc.common_name("other")), "issuer"),
    "printable_string_names": (both_names(cc.common_name("host-a", 0x13)), "issuer"),
    "empty_name": (both_names(sequence()), "issuer"),
    "name_of_65": (both_names(cc.common_name("h" * 65)), "issuer"),
    "organisation_instead_of_common_name": (
        both_names(sequence(der(0x31, sequence(oid("2.5.4.10"), utf8("host-a"))))), "issuer"),
    "two_name_parts": (
        both_names(sequence(*(2 * [der(0x31, sequence(oid("2.5.4.3"), utf8("host-a")))]))),
        "issuer"),
    "valid_an_hour_too_long": (
        lambda r: setattr(r, "not_after", r.not_after + 60 * MINUTE), "validity"),
    "valid_a_minute_too_short": (lambda r: setattr(r, "not_after", r.not_after - MINUTE),
                                 "validity"),
    "not_yet_valid": (lambda r: r.shift(60 * MINUTE), "not_before"),
    "not_backdated_by_15_minutes": (lambda r: r.shift(10 * MINUTE), "not_before"),
    "expired": (lambda r: r.shift(-181 * MINUTE), "not_after"),
    "generalized_times": (generalized_validity, "not_before"),
    "rsa_2048": (lambda r: setattr(r, "key", cc.rsa_key(2048)), "public_key"),
    "rsa_4096": (lambda r: setattr(r, "key", cc.rsa_key(4096)), "public_key"),
    "rsa_exponent_3": (lambda r: setattr(r, "key", cc.rsa_key(3072, 3)), "public_key"),
    "self_signature_spoiled": (set_to(spoil_self_signature=True), "signature"),
    "no_key_id": (without(cc.SUBJECT_KEY_ID), "subject_key_identifier"),
    "key_id_of_another_key": (content(cc.SUBJECT_KEY_ID, octets(b"\x01" * 20)),
                              "subject_key_identifier"),
    "access_point_unknown": (set_to(access_point="fsap-ffffffffffffffff0"), "access_point"),
    "access_point_of_another_file_system": (set_to(access_point=AP2), "access_point"),
    "access_point_printable_string": (content(cc.ACCESS_POINT, der(0x13, AP.encode())),
                                      "access_point"),
    "access_point_empty": (set_to(access_point=""), "access_point"),
    "access_key_unknown": (identity_with(access_key_id="ASIAUNKNOWN"),
                           "client_auth.access_key_id"),
    "wrong_secret": (identity_with(secret_access_key="guess"), "client_auth.signature"),
    "signature_of_32_raw_bytes": (raw_signature, "client_auth.signature"),
    "signature_in_capitals": (uppercase_signature, "client_auth.signature"),
    "signature_digit_changed": (one_digit_changed, "client_auth.signature"),
    "signed_for_another_file_system": (set_to(signed_fs_id=FS2), "client_auth.signature"),
    "signed_for_another_service": (set_to(signed_service="s3files"), "client_auth.signature"),
    "signed_for_another_region": (set_to(region="eu-west-1"), "client_auth.signature"),
    "signed_6_minutes_late": (lambda r: setattr(r, "signed_at", r.signed_at + 6 * MINUTE),
                              "client_auth.time"),
    "signed_6_minutes_early": (lambda r: setattr(r, "signed_at", r.signed_at - 6 * MINUTE),
                               "client_auth.time"),
    "token_missing": (set_to(token_in_certificate=None), "client_auth.session_token"),
    "token_of_somebody_else": (set_to(token_in_certificate="other"),
                               "client_auth.session_token"),
    "signed_without_token": (identity_with(session_token=None), "client_auth.session_token"),
    "token_tagged_implicitly": (implicit_token, "client_auth.session_token"),
    "auth_with_extra_element": (auth_with_extra_element, "client_auth"),
    "file_system_missing": (without(cc.FILE_SYSTEM), "file_system"),
    "another_file_system": (set_to(fs_id=FS2, signed_fs_id=FS), "file_system"),
    "file_system_printable_string": (content(cc.FILE_SYSTEM, der(0x13, FS.encode())),
                                     "file_system"),
    "client_info_missing": (without(cc.CLIENT_INFO), "client_info"),
    "source_empty": (set_to(source=""), "client_info.source"),
    "source_of_101": (set_to(source="s" * 101), "client_info.source"),
    "version_text_of_101": (set_to(client_version="v" * 101), "client_info.version"),
    "only_one_client_info": (content(cc.CLIENT_INFO, sequence(utf8("unknown"))),
                             "client_info.version"),
    "three_client_infos": (
        content(cc.CLIENT_INFO, sequence(utf8("a"), utf8("b"), utf8("c"))), "client_info"),
    "access_point_behind_auth": (swap(cc.ACCESS_POINT, cc.CLIENT_AUTH), "extensions"),
    "client_info_before_file_system": (swap(cc.FILE_SYSTEM, cc.CLIENT_INFO), "extensions"),
    "key_id_last": (swap(cc.SUBJECT_KEY_ID, cc.CLIENT_INFO), "extensions"),
    "extension_twice": (twice(cc.FILE_SYSTEM), "extensions"),
    "basic_constraints": (set_to(more_extensions=[BASIC_CONSTRAINTS]), "extensions"),
    "key_usage": (set_to(more_extensions=[KEY_USAGE]), "extensions"),
    "critical_extension": (lambda r: r.critical.update({cc.FILE_SYSTEM: True}), "extensions"),
    "critical_false_encoded": (lambda r: r.critical.update({cc.FILE_SYSTEM: False}),
                               "extensions"),
}


class WithSimulator(unittest.TestCase):
    changes = {}

    @classmethod
    def setUpClass(cls):
        cls.sim = Simulator(**cls.changes)
        cls.addClassCleanup(cls.sim.stop)
        cls.sim.start()

    def tearDown(self):
        self.sim.ctl("clock 0")
        self.sim.ctl("strict-skew off")

    def speak(self, recipe, version=None, ip=None, name=None):
        """True when NFS NULL is answered over TLS with that certificate, False when closed."""
        cert, key = recipe.write(self.sim.dir)
        extra = {"name": name} if name else {}
        sock = self.sim.connect_tls(cert, key, ip=ip, version=version, **extra)
        with sock:
            try:
                return null(sock)
            except Closed:
                return False

    def assertAccepted(self, recipe, **how):
        self.assertTrue(self.speak(recipe, **how), self.sim.last_refusal())

    def assertRefused(self, recipe, field, **how):
        before = self.sim.target_stats()["refused"]
        self.assertFalse(self.speak(recipe, **how))
        self.assertEqual(self.sim.last_refusal()["field"], field, self.sim.last_refusal())
        self.assertEqual(self.sim.last_refusal()["kind"], "certificate")
        self.assertEqual(self.sim.target_stats()["refused"], before + 1)


class RightCertificates(WithSimulator):
    def test_every_combination_of_access_point_and_identity(self):
        for access_point in (None, AP):
            for identity in (None, ROLE, USER):
                with self.subTest(access_point=access_point, identity=identity):
                    self.assertAccepted(Recipe(FS, utc_now(), access_point, identity))

    def test_both_tls_versions(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version=version):
                self.assertAccepted(Recipe(FS, utc_now(), AP, ROLE), version=version)

    def test_leading_blanks_in_client_info(self):  # CERT-7
        recipe = Recipe(FS, utc_now(), AP, ROLE)
        recipe.source, recipe.client_version = " unknown", " 3.2.0"
        self.assertAccepted(recipe)

    def test_limits_of_the_texts(self):
        recipe = Recipe(FS, utc_now(), AP, ROLE)
        recipe.source, recipe.client_version = "s" * 100, " " + "v" * 100
        recipe.issuer = recipe.subject = cc.common_name("h" * 64)
        recipe.serial = der(2, b"\x7f" * 20)
        self.assertAccepted(recipe)

    def test_a_certificate_serves_until_its_end(self):
        recipe = Recipe(FS, utc_now(), AP, ROLE)
        self.sim.ctl("clock 10740")  # 2 h 59 min
        self.assertAccepted(recipe)
        self.sim.ctl("clock 10860")
        self.assertRefused(recipe, "not_after")

    def test_strict_skew_demands_a_fresh_signature(self):
        recipe = Recipe(FS, utc_now() - 6 * MINUTE, AP, ROLE)
        self.assertAccepted(recipe)
        self.sim.ctl("strict-skew on")
        self.assertRefused(recipe, "client_auth.time")
        self.assertAccepted(Recipe(FS, utc_now(), AP, ROLE))

    def test_rotated_credentials_and_revoked_ones(self):
        sim = Simulator().start()
        self.addCleanup(sim.stop)
        new_key = sim.ctl("rotate-credentials")
        self.assertNotEqual(new_key, ROLE["access_key_id"])
        cert, key = Recipe(FS, utc_now(), None, ROLE).write(sim.dir)
        with sim.connect_tls(cert, key) as sock:
            self.assertTrue(null(sock))
        sim.ctl("rotate-credentials revoke")
        with sim.connect_tls(cert, key) as sock, self.assertRaises(Closed):
            null(sock)
        self.assertEqual(sim.last_refusal()["field"], "client_auth.access_key_id")


class WrongCertificates(WithSimulator):
    def test_without_a_certificate_the_handshake_fails(self):
        context = ssl.create_default_context(cafile=f"{self.sim.work}/ca.pem")
        raw = self.sim.connect_plain()
        try:
            with context.wrap_socket(
                    raw, server_hostname=f"{FS}.efs.us-east-1.amazonaws.com") as sock:
                with self.assertRaises(Closed):
                    null(sock)
        except ssl.SSLError:
            pass  # TLS 1.2 tells the client during the handshake
        self.assertEqual(self.sim.last_refusal()["field"], "handshake")

    def test_refusal_in_tls_1_2_comes_after_the_handshake_too(self):
        recipe = Recipe(FS, utc_now(), "fsap-ffffffffffffffff0", ROLE)
        self.assertRefused(recipe, "access_point", version=ssl.TLSVersion.TLSv1_2)

    def test_token_where_the_identity_has_none(self):
        recipe = Recipe(FS, utc_now(), None, {**USER, "session_token": "extra"})
        self.assertRefused(recipe, "client_auth.session_token")

    def test_refusals_are_in_the_log(self):
        self.assertRefused(Recipe(FS, utc_now(), "fsap-0"), "access_point")
        with open(f"{self.sim.work}/refusals.log") as log:
            self.assertEqual(json.loads(log.readlines()[-1])["field"], "access_point")


def add_refusal(name, alter, field):
    def test(self):
        recipe = Recipe(FS, utc_now(), AP, ROLE)
        alter(recipe)
        self.assertRefused(recipe, field)
    setattr(WrongCertificates, f"test_refuses_{name}", test)


for _name, (_alter, _field) in REFUSED.items():
    add_refusal(_name, _alter, _field)


def vectors():
    source = os.environ.get("EFS_SOURCE") or os.path.join(os.path.dirname(__file__), "../../..")
    with open(f"{source}/tests/data/client-certificate.json") as file:
        return json.load(file)


class Vectors(unittest.TestCase):
    """The certificates that the upstream code makes are rebuilt from their facts and accepted."""

    def check(self, case, private_key):
        at = datetime.datetime.strptime(case["utc"], "%Y-%m-%dT%H:%M:%SZ")
        identity = None
        if case["access_key_id"]:
            identity = {k: case[k] for k in
                        ("access_key_id", "secret_access_key", "session_token")}
        points = [{"id": case["access_point_id"], "path": "/"}] if case["access_point_id"] else []
        sim = Simulator(region=case["region"],
                        identities=[{**identity, "arn": "arn:x", "role": None}] if identity else [])
        sim.config["file_systems"] = [
            {"id": case["file_system_id"], "data": f"{sim.dir}/data", "access_points": points,
             "mount_targets": [{"az": "us-east-1a", "az_id": "use1-az1", "ip": sim.ip_a}]}]
        sim.save()
        self.addCleanup(sim.stop)
        sim.start()

        recipe = Recipe(case["file_system_id"], at, case["access_point_id"], identity,
                        case["region"])
        recipe.key = private_key
        recipe.source, recipe.client_version = case["client_source"], case["client_version"]
        contents = {name: value.hex() for name, value in recipe.extension_contents().items()}
        contents["X509v3 Subject Key Identifier"] = contents.pop(cc.SUBJECT_KEY_ID)
        self.assertEqual(contents, case["extension_value_hex"])

        cert, key = recipe.write(sim.dir)
        sim.ctl(f"clock {round((at - utc_now()).total_seconds())}")
        name = f"{case['file_system_id']}.efs.{case['region']}.amazonaws.com"
        with sim.connect_tls(cert, key, name=name) as sock:
            self.assertTrue(null(sock), sim.last_refusal())

    def test_all_cases(self):
        data = vectors()
        private_key = serialization.load_pem_private_key(
            data["private_key_pem"].encode(), password=None)
        for case in data["cases"]:
            with self.subTest(case["name"]):
                self.check(case, private_key)


if __name__ == "__main__":
    unittest.main()
