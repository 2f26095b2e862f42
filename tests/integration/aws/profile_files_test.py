#!/usr/bin/python3
"""Promise: the files, variables and caches that people have serve as they did with efs-utils and
botocore; what is not used is told, and nothing stands in for what was asked for.

find-credentials runs the product's chain against a server of this file.
"""
import datetime
import hashlib
import json
import os
import ssl
import stat
import subprocess
import time
import unittest

from credential_chain_test import Case, assumed

from efs_test.waiting import SCALE, Stopwatch

KEYS = "aws_access_key_id = {0}\naws_secret_access_key = secret-{0}\n"


def keys(section, name):
    return f"[{section}]\n" + KEYS.format(name)


def container(key, **more):
    return {"AccessKeyId": key, "SecretAccessKey": "s", "Token": "t", "RoleArn": "arn:aws:iam::1:role/x",
            "Expiration": "2100-01-01T00:00:00Z", **more}


def stamp(delta):
    return datetime.datetime.fromtimestamp(time.time() + delta, datetime.timezone.utc).strftime(
        "%Y-%m-%dT%H:%M:%SZ")


class Profiles(Case):
    def setUp(self):
        super().setUp()
        self.metadata = self.serve(lambda handler, _: (200, self.instance(handler)))
        self.environment.pop("AWS_EC2_METADATA_DISABLED")
        self.environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = self.metadata.url
        self.ends = "2100-01-01T00:00:00Z"

    def instance(self, handler):
        if handler.path.endswith("/security-credentials/"):
            return b"web-server"
        if handler.path.endswith("/web-server"):
            return {"Code": "Success", "AccessKeyId": "ROLE", "SecretAccessKey": "s", "Token": "t",
                    "Expiration": self.ends}
        return b"x"

    def found(self, **options):
        """The access key id, and what the log says."""
        result = self.run_chain(log=True, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)["access_key_id"], result.stderr


class Grammar(Profiles):
    def test_text_behind_a_header_ends_no_mount(self):
        for text in ("[profile old] (retired)\nregion = x\n", "[profile old] # x ] y\n",
                     "[profile old]\rregion = x\r", "\u00a0[profile old]\n"):
            with self.subTest(text=text):
                self.write("config", text + keys("profile p", "P"))
                self.assertEqual(self.found()[0], "ROLE")
                self.assertEqual(self.found(profile="p")[0], "P")

    def test_a_broken_part_is_a_warning_unless_it_is_needed(self):
        for broken in ("[other]\nnonsense\n", "[other]\n[other]\n", "[other]\nA = 1\na = 2\n",
                       "junk before all\n"):
            with self.subTest(broken=broken):
                self.write("config", broken + keys("profile p", "P"))
                self.write("credentials", broken)
                for options, key in (({}, "ROLE"), ({"profile": "p"}, "P")):
                    got, log = self.found(**options)
                    self.assertEqual(got, key)
                    self.assertIn("/.aws/config: line ", log)
                    self.assertEqual(log.count("/.aws/config: line "), 1, log)
        for needed in (keys("profile p", "P") + "nonsense\n", keys("profile p", "P") * 2):
            self.write("config", needed)
            self.assertIn("/.aws/config: line ", self.failure(profile="p"))

    def test_a_broken_default_is_no_reason_to_be_somebody_else(self):
        for text in (keys("default", "D") + "nonsense\n", KEYS.format("D"), keys("default", "D") * 2):
            with self.subTest(text=text):
                self.write("credentials", text)
                self.assertIn("/.aws/credentials: line ", self.failure())
        self.write("credentials", keys("default", "D") + "nonsense\n")
        self.assertEqual(self.found(fall_through=True)[0], "ROLE")

    def test_keys_of_the_default_section_are_everybodys(self):
        self.write("credentials", "[DEFAULT]\n" + KEYS.format("ALL") + "[a]\n[default]\n")
        self.assertEqual(self.found(profile="a")[0], "ALL")
        self.assertEqual(self.found()[0], "ALL")

    def test_names_are_words_of_a_shell(self):
        self.write("config", keys("profile 'a b'", "AB") + keys("profile a\\ c", "AC") +
                   keys('profile "a"d', "AD") + keys("profile 'open", "NO") + keys("profile x y", "NO"))
        for name, key in (("a b", "AB"), ("a c", "AC"), ("ad", "AD")):
            self.assertEqual(self.found(profile=name)[0], key)
        self.failure(profile="x y")


class OddFiles(Profiles):
    def make(self, kind, path):
        if kind == "directory":
            os.mkdir(path)
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "loop":
            os.symlink(path, path)
        else:
            os.symlink("/proc/self/mem", path)  # cannot be read from its start

    def test_they_are_skipped_with_a_warning_and_named_where_they_were_asked_for(self):
        for kind in ("directory", "pipe", "loop", "unreadable"):
            for name in ("credentials", "config"):
                with self.subTest(kind=kind, name=name):
                    path = f"{self.home}/.aws/{name}"
                    self.make(kind, path)
                    watch = Stopwatch()
                    key, log = self.found()
                    self.assertLess(watch.own(), 20 * SCALE)
                    self.assertEqual(key, "ROLE")
                    self.assertIn(path, log)
                    self.assertIn(path, self.failure(profile="p"))
                    os.rmdir(path) if kind == "directory" else os.unlink(path)

    def test_a_pipe_for_a_token_is_not_waited_for(self):
        os.mkfifo(f"{self.home}/.aws/jwt")
        self.environment.update(AWS_ROLE_ARN="arn:aws:iam::1:role/x",
                                AWS_WEB_IDENTITY_TOKEN_FILE=f"{self.home}/.aws/jwt")
        self.assertIn("jwt is a pipe", self.failure())

    def test_the_other_file_still_serves(self):
        os.mkdir(f"{self.home}/.aws/credentials")
        self.write("config", keys("profile p", "P"))
        self.assertEqual(self.found(profile="p")[0], "P")

    def test_paths_are_expanded_as_in_botocore(self):
        self.write("elsewhere", keys("profile p", "P"))
        for path in ("$HOME/.aws/elsewhere", "${WHERE}/elsewhere", "~/.aws/elsewhere"):
            with self.subTest(path=path):
                self.environment.update(AWS_CONFIG_FILE=path, WHERE=f"{self.home}/.aws")
                self.assertEqual(self.found(profile="p")[0], "P")
        self.environment["AWS_CONFIG_FILE"] = "/nonexistent/config"
        self.assertIn("AWS_CONFIG_FILE: /nonexistent/config does not exist", self.found()[1])
        self.environment["AWS_CONFIG_FILE"] = "/dev/null"
        self.assertEqual(self.found()[1], "")


class Ignored(Profiles):
    """What the contract ignores is named in one warning; what it calls final is fatal."""

    def test_each_is_named_once(self):
        self.write("config", keys("profile default", "D"))
        rows = [({"AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s"}, "AWS_ACCESS_KEY_ID"),
                ({"AWS_DEFAULT_PROFILE": "p"}, "AWS_DEFAULT_PROFILE"),
                ({}, "[profile default]"),
                ({"AWS_CONTAINER_AUTHORIZATION_TOKEN": "hush"}, "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
                ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": self.metadata.url,
                  "AWS_CONTAINER_AUTHORIZATION_TOKEN": "hush"}, "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
                ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": self.metadata.url},
                 "AWS_CONTAINER_CREDENTIALS_FULL_URI")]
        before = dict(self.environment)
        for variables, word in rows:
            with self.subTest(word=word):
                self.environment = {**before, **variables}
                key, log = self.found()
                self.assertEqual(key, "ROLE")
                self.assertEqual(sum(f"{word} " in line or f"{word} is" in line
                                     for line in log.splitlines()), 1, log)
                self.assertNotIn("hush", log)
        self.environment = {**before, "AWS_ACCESS_KEY_ID": "ENV"}
        self.write("credentials", keys("default", "OWN"))
        self.assertIn("AWS_ACCESS_KEY_ID of the environment is never used", self.found()[1])

    def test_a_profile_that_is_set_is_final(self):
        for variables in ({"AWS_PROFILE": "gone"}, {"AWS_PROFILE": "gone", "AWS_DEFAULT_PROFILE": "p"}):
            self.environment.update(variables)
            self.write("credentials", keys("p", "P"))
            self.assertIn("profile gone", self.failure())


class Times(Profiles):
    def test_credentials_that_ended_are_refused(self):
        for text, good in (("2020-01-01T00:00:00Z", False), ("1013-01-01T00:00:00Z", False),
                           (stamp(3600).replace("Z", "+0000"), True), ("9999-12-31T23:59:59Z", True),
                           (stamp(3600).replace("T", " "), True), (stamp(3600).lower(), True),
                           (stamp(3600)[:-1], False)):
            with self.subTest(text=text):
                server = self.serve(lambda *_: (200, container("ECS", Expiration=text)))
                options = {"credentials_uri": "/ecs", "container_endpoint": server.url}
                if good:
                    self.assertEqual(self.found(**options)[0], "ECS")
                else:
                    self.assertRegex(self.failure(**options), "ended at|names no time zone")

    def test_an_instance_role_goes_on_with_what_the_service_has(self):
        self.ends = "2020-01-01T00:00:00Z"
        key, log = self.found()
        self.assertEqual(key, "ROLE")
        self.assertIn("expired at 2020-01-01T00:00:00Z", log)


class Settings(Profiles):
    """Keys of a profile that have a twin among the variables, with real servers."""

    def test_the_metadata_service_of_a_profile(self):
        wrong = self.environment.pop("AWS_EC2_METADATA_SERVICE_ENDPOINT")
        sts = self.serve(lambda *_: (200, assumed("ROLE2", "s", "t")))
        self.write("config", "[profile p]\nrole_arn = arn:aws:iam::1:role/x\n"
                   f"credential_source = Ec2InstanceMetadata\nendpoint_url = {sts.url}\n"
                   f"ec2_metadata_service_endpoint = {wrong}/\n")
        self.environment["http_proxy"] = "http://127.0.0.1:1"
        self.environment["no_proxy"] = "localhost"
        self.assertEqual(self.found(profile="p")[0], "ROLE2")

    def test_a_misspelt_region_is_named(self):
        sts = self.serve(lambda *_: (200, assumed("ROLE2", "s", "t")))
        role = ("[profile p]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = q\n"
                f"endpoint_url = {sts.url}\nregion = @\n" + keys("profile q", "Q"))
        for region, told in (("us-eats-1", True), ("us-east-1-fips", False), ("aws-global", False),
                             ("eu-isoe-west-1", False)):
            with self.subTest(region=region):
                self.write("config", role.replace("@", region))
                key, log = self.found(profile="p")
                self.assertEqual(key, "ROLE2")
                self.assertEqual("profile p: region us-eats-1 is not known, did you mean us-east-1?" in log, told, log)
                self.assertEqual("did you mean" in log, told, log)

    def test_the_ca_bundle_of_a_profile(self):
        authority = f"{self.home}/ca.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-keyout", f"{self.home}/key.pem", "-out", authority, "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                       check=True, capture_output=True, timeout=60)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority, f"{self.home}/key.pem")
        sts = self.serve(lambda *_: (200, assumed("ROLE2", "s", "t")), context)
        config = ("[profile p]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = q\n"
                  f"endpoint_url = {sts.url}\n@" + keys("profile q", "Q"))
        self.write("config", config.replace("@", f"ca_bundle = {authority}\n"))
        self.assertEqual(self.found(profile="p")[0], "ROLE2")
        self.write("config", config.replace("@", ""))
        self.assertIn("certificate", self.failure(profile="p"))


class Login(Profiles):
    """IAM Identity Center: the cached log-in is kept fresh."""
    SESSION = ("[profile sso]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = dev\n"
               "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp\n")

    def setUp(self):
        super().setUp()
        os.makedirs(f"{self.home}/.aws/sso/cache")
        self.path = f"{self.home}/.aws/sso/cache/{hashlib.sha1(b'corp').hexdigest()}.json"
        self.valid, self.grants = "fresh", ["again"]
        server = self.serve(self.answer)
        self.server = server
        self.environment["AWS_ENDPOINT_URL"] = server.url
        self.write("config", self.SESSION)

    def answer(self, handler, body):
        if handler.path == "/token":
            asked = json.loads(body)
            if asked.get("refreshToken") not in self.grants or asked["grantType"] != "refresh_token":
                return 400, {"error": "invalid_grant", "error_description": "Invalid grant"}
            self.grants = [asked["refreshToken"] + "+"]
            return 200, {"accessToken": self.valid, "expiresIn": 3600, "refreshToken": self.grants[0],
                         "tokenType": "Bearer"}
        if handler.path.startswith("/federation/"):
            if handler.headers["x-amz-sso_bearer_token"] != self.valid:
                return 401, {"__type": "UnauthorizedException", "message": "no"}
            return 200, {"roleCredentials": {"accessKeyId": "SSO", "secretAccessKey": "s",
                                             "sessionToken": "t", "expiration": 4102542245000}}
        return 200, assumed("ROLE2", "s", "t")

    def cache(self, **changes):
        token = {"accessToken": "stale", "expiresAt": stamp(-60), "refreshToken": "again",
                 "clientId": "client", "clientSecret": "hush-client", "registrationExpiresAt": stamp(86400),
                 "startUrl": "https://corp", "region": "eu-west-1", **changes}
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump({name: value for name, value in token.items() if value is not None}, file)
        os.chmod(self.path, 0o644)

    def test_a_misspelt_region_is_named(self):
        self.valid = "stale"
        self.cache(expiresAt=stamp(7200))
        self.write("config", self.SESSION.replace("eu-west-1", "eu-wset-1"))
        key, log = self.found(profile="sso")
        self.assertEqual(key, "SSO")
        self.assertIn("sso_region of profile sso: region eu-wset-1 is not known, did you mean eu-west-1?", log)

    def test_an_ended_log_in_is_refreshed_and_kept(self):
        self.cache()
        for grant in ("again+", "again+"):  # the second time the cache serves
            self.assertEqual(self.found(profile="sso")[0], "SSO")
            with open(self.path, encoding="utf-8") as file:
                kept = json.load(file)
            self.assertEqual((kept["accessToken"], kept["refreshToken"]), ("fresh", grant))
            self.assertEqual((kept["clientId"], kept["clientSecret"]), ("client", "hush-client"))
            self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
            ends = datetime.datetime.strptime(kept["expiresAt"], "%Y-%m-%dT%H:%M:%SZ")
            self.assertAlmostEqual(ends.replace(tzinfo=datetime.timezone.utc).timestamp(),
                                   time.time() + 3600, delta=60)
        self.assertEqual(sum(request[1] == "/token" for request in self.server.requests), 1)
        self.assertEqual(os.listdir(os.path.dirname(self.path)), [os.path.basename(self.path)])

    def test_one_that_is_about_to_end_is_refreshed_before_use(self):
        self.cache(expiresAt=stamp(600))
        self.assertEqual(self.found(profile="sso")[0], "SSO")

    def test_it_serves_as_source_and_at_a_renewal(self):
        self.cache()
        self.write("config", self.SESSION + "[profile p]\nrole_arn = arn:aws:iam::1:role/x\n"
                   "source_profile = sso\n")
        self.assertEqual(self.found(profile="p")[0], "ROLE2")
        self.cache(refreshToken=self.grants[0])  # hours later
        self.assertEqual(self.found(method="named_profile:p")[0], "ROLE2")
        self.cache(refreshToken=self.grants[0])
        self.assertEqual(self.found(method="named_profile:sso")[0], "SSO")

    def test_what_cannot_be_refreshed_says_why_and_shows_nothing(self):
        for changes, reason in (({"refreshToken": None}, "no refresh token"),
                                ({"clientSecret": None}, "client is not known"),
                                ({"registrationExpiresAt": stamp(-5)}, "registration"),
                                ({"registrationExpiresAt": None}, "registered"),
                                ({"refreshToken": "used"}, "invalid_grant")):
            with self.subTest(reason=reason):
                self.cache(**changes)
                text = self.failure(profile="sso")
                self.assertIn(reason, text)
                self.assertIn("aws sso login --profile sso", text)
                self.assertNotIn("hush", text)

    def test_a_failed_refresh_leaves_what_still_lasts(self):
        self.cache(expiresAt=stamp(600), refreshToken="used", accessToken="fresh")
        key, log = self.found(profile="sso")
        self.assertEqual(key, "SSO")
        self.assertIn("refreshing the log-in of IAM Identity Center failed", log)

    def test_the_older_form_is_not_refreshed(self):
        self.path = f"{self.home}/.aws/sso/cache/{hashlib.sha1(b'https://corp').hexdigest()}.json"
        self.cache()
        self.write("config", "[profile sso]\nsso_start_url = https://corp\nsso_region = eu-west-1\n"
                   "sso_account_id = 1\nsso_role_name = dev\n")
        self.assertIn("belongs to no sso_session", self.failure(profile="sso"))

    def test_a_cache_that_cannot_be_written_is_told(self):
        self.cache()
        folder = os.path.dirname(self.path)
        subprocess.run(["chattr", "+i", folder], check=False, capture_output=True)
        self.addCleanup(subprocess.run, ["chattr", "-i", folder], capture_output=True)
        try:
            with open(f"{folder}/probe", "w", encoding="utf-8"):
                self.skipTest("no folder can be made unwritable for root here")
        except OSError:
            pass
        key, log = self.found(profile="sso")
        self.assertEqual(key, "SSO")
        self.assertIn("is not kept", log)


if __name__ == "__main__":
    unittest.main()
