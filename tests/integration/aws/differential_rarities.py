"""What hardly any home has, and each may: found by an attack on the comparison, not by its first generator. One or two
for some homes, chosen by a generator of their own, so that the others are what they were for a seed."""
import json
import random
import re

CONFIG, CREDENTIALS = ".aws/config", ".aws/credentials"
# botocore guesses what they say (differential_argued.py).
GUESSED = ["January 1, 2099 00:00:00 UTC", "2099-01-01T12:00:00 PM Z", "2099-01-01T12:00:00AM Z", "01/02/2099 00:00:00 UTC",
           "2099.01.02 00:00:00 UTC", "2099-Jan-02 00:00:00 UTC", "Jan 2 2099 00:00:00 UTC", "2099-01-01T00:00:00UTC+1",
           "2099-01-01T00:00:00GMT+0100", "2099-01-01T00:00:00+1:00", "2099-01-01T00:00:00+01:0"]
TIMES = GUESSED + [
    "Thu Jan  1 00:00:00 UTC 2099", "20990101000000Z", "2099-01-01 00:00:00.000000000+00:00", "2099-01-01T00:00:00.123456789Z",
    "2099-01-01T00Z", "20990101T000000+0100", "2099-01-01T00:00:00-00:00", "2099-01-01T23:59:60Z", "2099-02-29T00:00:00Z",
    "2096-02-29T00:00:00Z", "10000-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2-Jan-2099 00:00:00 GMT", "2099-01-01T000000Z",
    "2099-01-01T00:00:00+0530", "2099-01-01T00:00:00+05:30:00", "99-01-01T00:00:00Z", "2099-01-01T00:00:00 PST", "1e10", "now"]
REGIONS = ["123", "-us-east-1", "us-east-1-", "us-east-1.", "a" * 64, "ap-northeast-9", "global", "cn-x", "us-gov-", "eusc-xx-1",
           "us-isoz-1", "fips-fips-us-east-1", "us-east-1@evil", "US-GOV-WEST-1", "cn-north-west-1", "cn-new-12"]
URLS = ["https://sts_x.example", "https://-a.example", "https://a..b.example", "https://sts.example:99999", "https://sts.example:",
        "https://sts.example:abc", "https://sts.example.", "https://sts.example/%20", "https://sts.example/a%2Fb/",
        "https://\u00e4.example", "https://sts.example;x", "https://" + "a" * 64 + ".example", "https://[::1%25eth0]/", "https:///x",
        "https://sts.example/\u00e4", "https://sts.example/a|b", "https://a,b.example", "https://sts.example:0/", "http://10.0.0.1:80"]
SWITCHES = ["TRUE ", " true", "tRuE", "on", "1", "yes", "True"]
SWITCH_NAMES = ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                "AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_V1_DISABLED", "AWS_IMDS_USE_IPV6"]
DURATIONS = ["99999999999999999999", "0900", "-0", "9_0_0", "43201", "9223372036854775808", "900_", "1800s", "00", "899", "+0"]
# In place of a text, in what a program prints.
NO_TEXTS = ["null", '""', "5", "false", '["x"]']
# What the parsers of JSON differ about.
NO_JSON = ["NaN", "-Infinity", "1e400", '"\\ud83d"', "[" * 40 + "]" * 40]
SERVICES = ["sts = x", "sts =", "Sts =\n  endpoint_url = https://s.example", "sts =\n  # c\n  endpoint_url = https://s.example",
            "sts =\n  endpoint_url = https://s.example = x", "sts =\n  endpoint_url\u00a0=\u00a0https://s.example",
            "sts =\n  a = 1\x0cendpoint_url = https://s.example", "sts =\n  a = 1\u2028endpoint_url = https://s.example",
            "security_token_service =\n  endpoint_url = https://s.example", "sso = x", "efs = x"]
KEYS = ["response_checksum_validation = x", "api_versions = x", "api_versions =\n  sts = 2011-06-15", "csm_port = x",
        "sdk_ua_app_id = \u00e4", "data_path = /x", "disable_request_compression = x", "aws_account_id = 1", "proxy = x",
        "sso_registration_scopes = a", "credential_process =", "web_identity_token_file =", "role_session_name ="]
FULL = ("<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>se</SecretAccessKey><SessionToken>{}</SessionToken>"
        "<Expiration>{}</Expiration>")


def xml(token="to", ends="2100-01-02T03:04:05Z", head="", space=' xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'):
    return "".join((head, f"<AssumeRoleResponse{space}><AssumeRoleResult><Credentials>", FULL.format(token, ends),
                    "</Credentials></AssumeRoleResult></AssumeRoleResponse>"))


XML = [xml(), xml("a&#43;b&#x2F;c&#61;"), xml("a&amp;b"), xml("<![CDATA[a+b]]>"), xml("a<!-- x -->b"), xml(space=""),
       xml(ends="4102542245"), xml(ends="4102542245.5"), xml(ends="Sat, 02 Jan 2100 03:04:05 GMT"), xml(ends=""),
       xml(head="<?xml version='1.0' encoding='UTF-8'?>\n"), xml(head="\ufeff"), xml().replace("</SessionToken>", "</SessionToken >"),
       xml().replace("<SessionToken>", '<SessionToken a="1>2">'), "<html><body>Log in</body></html>", "", "hello",
       xml(space="").replace("</", "</n:").replace("<A", "<n:A").replace("<S", "<n:S").replace("<C", "<n:C").replace("<E", "<n:E").replace(
           "<n:AssumeRoleResponse>", '<n:AssumeRoleResponse xmlns:n="https://sts.amazonaws.com/doc/2011-06-15/">')]
PASSING = [{"status": 400, "code": "Throttling"}, {"status": 500, "code": "InternalFailure"}, {"status": 503, "code": "SlowDown"},
           {"status": 400, "code": "RequestTimeout"}, {"status": 429, "code": "TooManyRequestsException"},
           {"status": 403, "code": "ThrottlingException"}]


class Rarities:
    """Of a Case (differential_cases.py)."""

    def rarities(self):
        self.rare = random.Random(f"rarities {self.seed}")
        if self.rare.random() < 0.3:
            for rarity in self.rare.sample([
                    self.bundles, self.switches, self.rare_region, self.rare_url, self.rare_time, self.rare_process, self.duration,
                    self.rare_log_in, self.rare_grant, self.rare_role, self.rare_sts, self.throttled, self.rare_metadata,
                    self.rare_container, self.rare_services, self.rare_key, self.long_chain, self.two_tokens, self.named_default],
                    k=self.rare.choice([1, 1, 2])):
                rarity()

    def put(self, line):
        """A key into the named profile."""
        wanted = re.escape(self.profile or "default")
        headers = list(re.finditer(rf"(?m)^\[(?:profile +)?[\"']?{wanted}[\"']?\]\n", self.files.get(CONFIG, "")))
        if headers:
            at = headers[-1].end()
            self.files[CONFIG] = self.files[CONFIG][:at] + line + "\n" + self.files[CONFIG][at:]

    def change(self, pattern, choices):
        """One of `choices` for what stands in the first group."""
        for name, text in list(self.files.items()):
            self.files[name] = re.sub(pattern, lambda found: found[0].replace(found[1], self.rare.choice(choices)), text)

    def bundles(self):
        for name in self.rare.sample(["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE"], k=2):
            self.environment[name] = self.rare.choice(["/etc/ssl/cert.pem", "/other.pem", ""])

    def switches(self):
        self.environment[self.rare.choice(SWITCH_NAMES)] = self.rare.choice(SWITCHES)

    def rare_region(self):
        self.change(r"(?m)^(?:sso_)?region = (.+)$", REGIONS)

    def rare_url(self):
        if self.rare.random() < 0.5:
            self.environment["AWS_ENDPOINT_URL" + self.rare.choice(["", "_STS", "_SSO"])] = self.rare.choice(URLS)
        else:
            self.put("endpoint_url = " + self.rare.choice(URLS))

    def rare_time(self):
        self.change(r'"(?:Expiration|expiresAt)": "([^"]+)"', TIMES)

    def rare_process(self):
        if self.rare.random() < 0.5:
            self.change(r'"(?:AccessKeyId|SecretAccessKey|SessionToken)": ("[^"]+")', NO_TEXTS)
        else:
            self.change(r'"SecretAccessKey": ("[^"]+")', ['"sp", "Note": ' + note for note in NO_JSON])

    def duration(self):
        self.change(r"(?m)^duration_seconds = (.+)$", DURATIONS)
        self.put("duration_seconds = " + self.rare.choice(DURATIONS))

    def rare_log_in(self):
        for name in [name for name in self.files if name.startswith(".aws/sso/cache")]:
            try:
                token = json.loads(self.files[name])
            except ValueError:
                continue
            if not isinstance(token, dict):
                continue
            token.update(refreshToken="again", clientId="c", clientSecret="s", registrationExpiresAt=self.stamp(9000),
                         expiresAt=self.stamp(self.rare.choice([600, 899, 900, 901, 0, 1, -1])))
            key = self.rare.choice(["accessToken", "refreshToken", "clientId", "clientSecret", "registrationExpiresAt", "scopes"])
            token[key] = self.rare.choice([5, "", None, "soon", "2099-01-01T00:00:00", ["x"]])
            self.files[name] = json.dumps(token)

    def rare_grant(self):
        self.answers["oidc"] = self.rare.choice([
            {"set": {"expiresIn": "3600"}}, {"set": {"expiresIn": 3600.7}}, {"set": {"expiresIn": 0}}, {"set": {"expiresIn": -5}},
            {"set": {"expiresIn": 10 ** 9}}, {"set": {"refreshToken": None}}, {"set": {"refreshToken": ""}}, {"body": ""},
            {"body": "not json"}, {"set": {"idToken": "x"}}, {"status": 401, "code": "invalid_client"}])
        self.change(r'"expiresAt": "([^"]+)"', [self.stamp(600)])

    def rare_role(self):
        self.answers["sso"] = self.rare.choice([
            {"set": {"expiration": "4102542245000"}}, {"set": {"expiration": 4102542245000.5}}, {"set": {"expiration": None}},
            {"set": {"sessionToken": ""}}, {"set": {"sessionToken": None}}, {"set": {"accessKeyId": 5}}, {"body": "[]"},
            {"body": '{"roleCredentials": null}'}, {"body": ""}])

    def rare_sts(self):
        # An answer to AssumeRole; and efs-utils' own calls ask for JSON.
        if self.profile and not self.options and "web_identity" not in "".join(self.files.values()).lower():
            self.answers["sts"] = {"body": self.rare.choice(XML)}

    def throttled(self):
        """Once or twice; then all is well."""
        for endpoint in ("sts", "sso", "oidc"):
            self.answers[endpoint] = {"first": self.rare.choice(PASSING), "times": self.rare.choice([1, 2])}

    def rare_metadata(self):
        self.put("credential_source = Ec2InstanceMetadata")
        self.answers.update(self.rare.choice([
            {"imds_token": {"body": ""}}, {"imds_token": {"body": "TO KEN"}}, {"imds_role": {"body": "a/b"}},
            {"imds_role": {"body": "<html>"}}, {"imds_role": {"body": "imds\n"}}, {"imds_keys": {"set": {"Code": "success"}}},
            {"imds_keys": {"set": {"Code": "Failed"}}}, {"imds_keys": {"set": {"Expiration": "2099-01-01T00:00:00"}}},
            {"imds_keys": {"set": {"Expiration": None}}}, {"imds_keys": {"set": {"Expiration": 4102542245}}},
            {"imds_keys": {"set": {"Expiration": "soon"}}}, {"imds_keys": {"set": {"Expiration": self.stamp(-60)}}},
            {"imds_keys": {"body": "<html>"}}, {"imds_keys": {"set": {"Token": ""}}}]))

    def rare_container(self):
        self.put("credential_source = EcsContainer")
        self.environment.setdefault("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x")
        self.answers["container"] = self.rare.choice([
            {"set": {"Expiration": None}}, {"set": {"Expiration": 4102542245}}, {"set": {"Token": ""}}, {"set": {"Token": None}},
            {"set": {"Token": 5}}, {"body": '"x"'}, {"first": {"status": 500, "code": ""}, "times": 2},
            {"set": {"SecretAccessKey": ""}}, {"set": {"AccessKeyId": 5}}])

    def rare_services(self):
        text = self.files.get(CONFIG, "")
        self.files[CONFIG] = "[services rare]\n" + self.rare.choice(SERVICES) + "\n" + text
        self.put("services = rare")

    def rare_key(self):
        self.put(self.rare.choice(KEYS))

    def long_chain(self):
        links = "".join(f"[profile link{n}]\nrole_arn = arn:aws:iam::123456789012:role/r{n}\nsource_profile = link{n + 1}\n"
                        for n in range(20))
        self.files[CONFIG] = self.files.get(CONFIG, "").rstrip("\n") + "\n" + links + "[profile link20]\nregion = x\n" + \
            "aws_access_key_id = LINK\naws_secret_access_key = sl\n"
        self.put("source_profile = link0")

    def two_tokens(self):
        one, other = self.rare.choice(["one", ""]), self.rare.choice(["two", ""])
        self.change(r"(?m)^(aws_(?:session|security)_token = .*)$",
                    [f"aws_session_token = {one}\naws_security_token = {other}"])

    def named_default(self):
        if self.profile == "default":
            self.profile = "DEFAULT"
        text = self.files.get(self.rare.choice([CONFIG, CREDENTIALS]), "")
        if "[DEFAULT]" not in text:
            self.files[CREDENTIALS] = "[DEFAULT]\naws_session_token = all\n" + self.files.get(CREDENTIALS, "")
