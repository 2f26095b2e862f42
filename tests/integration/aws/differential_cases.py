"""Random but repeatable homes for the comparison with botocore: files of profiles, variables, caches,
programs. Most pieces are plain, some are odd; a case has few of the odd ones, so that it is resolved."""
import datetime
import hashlib
import json
import random

from differential_answers import answers_for
from differential_oddities import Oddities
from differential_rarities import Rarities

NAMES = ["p", "q", "r", "default", "with blank"]
REGIONS = ["us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "eusc-de-east-1",
           "us-isof-south-1", "ap-southeast-7", "eu-isoe-west-1", "us-isob-east-1"]
FIPS_REGIONS = ["fips-us-east-1", "us-gov-west-1-fips", "us-east-2-fips", "fips-eu-west-1"]
MOUNT_REGIONS = ["ca-central-1", "us-east-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "eusc-de-east-1"]
URLS = ["http://127.0.0.1:9", "https://sts.example", "https://vpce.example/path/"]
METADATA = ["http://127.0.0.1:9/", "http://[::1]:9", "http://localhost:9/"]


def times(now):
    """(text, comment): ends of credentials."""
    def at(delta):
        return datetime.datetime.fromtimestamp(now + delta, datetime.timezone.utc)
    base = at(7200)
    iso = base.strftime("%Y-%m-%dT%H:%M:%S")
    return [iso + "Z", iso + "+00:00", iso + "+0000", iso + "UTC", iso.replace("T", " ") + "Z",
            iso.lower() + "z", iso + ".123456Z", iso + ",5Z", iso + "-05:00", iso + "+01",
            base.strftime("%a, %d %b %Y %H:%M:%S GMT"), base.strftime("%Y%m%dT%H%M%SZ"),
            base.strftime("%Y/%m/%d %H:%M:%S UTC"), "9999-12-31T23:59:59Z",
            iso, "soon", "", at(-60).strftime("%Y-%m-%dT%H:%M:%SZ"), "2020-02-30T00:00:00Z"]


class Case(Oddities, Rarities):
    def __init__(self, seed, now):
        self.pick = random.Random(seed)
        self.seed, self.now = seed, now
        self.files, self.environment = {}, {"PATH": "/usr/bin:/bin"}
        self.profile = self.pick.choice(NAMES) if self.pick.random() < 0.75 else None
        self.region = self.pick.choice(MOUNT_REGIONS)
        if self.profile and self.pick.random() < 0.05:
            self.region = self.pick.choice(FIPS_REGIONS)
        self.options = {}
        # How odd this one is.
        self.oddness = self.pick.choice([0.0, 0.02, 0.1, 0.3])
        self.sessions = []
        self.files[".aws/config"] = self.config()
        self.files[".aws/credentials"] = self.credentials()
        self.variables()
        self.answers = answers_for(self.pick, times(now))
        if self.profile is None:
            self.sources()
        self.api = self.pick.random() < 0.3  # costs botocore more than all else
        self.oddities()  # last: what is above is the same for a seed
        self.rarities()

    def given(self):
        return dict(self.options, profile=self.profile, region=self.region, files=self.files,
                    environment=self.environment, answers=self.answers, api=self.api)

    def odd(self):
        return self.pick.random() < self.oddness

    def maybe(self, chance):
        return self.pick.random() < chance

    # --- Text of the files.
    def header(self, name):
        text = f"[{name}]"
        if self.odd():
            text = self.pick.choice([text + " (retired)", text + " # old", text + " ; ] x", "  " + text,
                                     text + "\r", text + "]"])
        return text + "\n"

    def key(self, name, value):
        equals = self.pick.choice([" = ", "=", ": ", " :", "  =  "]) if self.odd() else " = "
        if self.odd():
            name = self.pick.choice([name.upper(), name.title(), name + " "])
        if self.odd() and self.maybe(0.3):
            value = ""
        line = name + equals + value
        if self.odd():
            line += self.pick.choice(["  ", "\t", "\r", "\u00a0", "\n# note", "\n\n", " # not a comment"])
        return line + "\n"

    def section_name(self, kind, name):
        if name == "default" and self.maybe(0.8):
            return "default"
        if " " in name or self.odd():
            return self.pick.choice([f'{kind} "{name}"', f"{kind} '{name}'",
                                     f"{kind} " + name.replace(" ", "\\ ")])
        blank = self.pick.choice(["  ", "\t"]) if self.odd() else " "
        return kind + blank + name

    def junk(self):
        return self.pick.choice([
            "[profile old] (retired)\nregion = x\n", "[preview]\ncloudfront = true\n", "[plugins]\n",
            "[profile]\nregion = x\n", "[profile a b c]\nregion = x\n", "[profile 'open]\nx = 1\n",
            "[DEFAULT]\nregion = us-west-2\n", "[DEFAULT]\nduration_seconds = 1800\n",
            "[profile twice]\n[profile twice]\n", "[profile dup]\na = 1\nA = 2\n", "nonsense\n",
            "[s3]\nmax =\n  a = 1\n  b = 2\n", "; comment\n", "[profile z]\nk = a\n  b\n  c\n"])

    # --- What a profile may say.
    def static_keys(self, name):
        lines = self.key("aws_access_key_id", name.replace(" ", "") .upper() + "STATIC")
        if not self.odd():
            lines += self.key("aws_secret_access_key", "secret/of+" + name.replace(" ", ""))
        if self.maybe(0.3):
            lines += self.key(self.pick.choice(["aws_session_token", "aws_security_token"]), "tok/en+=")
        return lines

    def process(self, name):
        output = {"Version": 1, "AccessKeyId": "PROC" + name[:1].upper(), "SecretAccessKey": "sp"}
        if self.maybe(0.3):
            output["Version"] = self.pick.choice([1.0, True, 2, "1", None, False, 1.5])
        if self.maybe(0.4):
            output["SessionToken"] = self.pick.choice(["tp", None])
        if self.maybe(0.7):
            output["Expiration"] = self.pick.choice(times(self.now))
        if self.odd():
            output.pop(self.pick.choice(["Version", "AccessKeyId", "SecretAccessKey"]))
        program = "program-" + name.replace(" ", "-")
        self.files[program] = "#!/bin/sh\ncat <<'EOF'\n" + json.dumps(output) + "\nEOF\n"
        command = "@HOME@/" + program
        if self.maybe(0.3):
            command = self.pick.choice([f'"{command}" "a b"', f"'{command}' x\\ y", f"{command}  z # w",
                                        f'"{command}" "\\$x"', f'"{command}'])
        return self.key("credential_process", command)

    def role(self, name):
        lines = self.key("role_arn", f"arn:aws:iam::123456789012:role/{name[:1]}role")
        if self.maybe(0.75):
            lines += self.key("source_profile", self.pick.choice(NAMES))
        if self.maybe(0.3):
            lines += self.key("credential_source", self.pick.choice(
                ["Environment", "EcsContainer", "Ec2InstanceMetadata", "Other"]))
        if self.maybe(0.2):
            lines += self.key("external_id", "a b+c/d")
        if self.maybe(0.3):
            lines += self.key("role_session_name", self.pick.choice(
                ["me", "m/e", "a b", "x@y.z,=", "\u00e4\u00f6", "n" * 80]))
        if self.maybe(0.3):
            lines += self.key("duration_seconds", self.pick.choice(
                ["900", "3600", " 1_800 ", "+900", "1h", "900.0", "99999", ""]))
        if self.odd():
            lines += self.key("mfa_serial", "arn:aws:iam::123456789012:mfa/me")
        return lines

    def web(self, name):
        self.files["jwt"] = "head.pay+load/=.sign"
        lines = self.key("web_identity_token_file", "@HOME@/jwt")
        if self.maybe(0.9):
            lines += self.key("role_arn", f"arn:aws:iam::123456789012:role/{name[:1]}web")
        if self.maybe(0.3):
            lines += self.key("role_session_name", "web-session")
        if self.maybe(0.2):
            lines += self.key("duration_seconds", "900") + self.key("external_id", "x")
        return lines

    def login(self, name):
        lines, session = "", None
        start, region = "https://corp.example/start", self.pick.choice(REGIONS[:3])
        if self.maybe(0.7):
            session = self.pick.choice(["corp", "my corp"])
            lines += self.key("sso_session", session)
            if session not in self.sessions and self.maybe(0.95):
                self.sessions.append(session)
        if session is None or self.odd():
            lines += self.key("sso_start_url", start) + self.key("sso_region", region)
        if self.maybe(0.85):
            lines += self.key("sso_account_id", "123456789012")
        if self.maybe(0.85):
            lines += self.key("sso_role_name", name[:1] + "sso")
        token = {"accessToken": "cached", "expiresAt": self.pick.choice(times(self.now)),
                 "startUrl": start, "region": region}
        if self.maybe(0.3):
            token["expiresAt"] = self.stamp(600)  # within the window
        if self.maybe(0.6):
            token.update(refreshToken="again", clientId="client", clientSecret="hush",
                         registrationExpiresAt=self.pick.choice(
                             [self.stamp(90000), self.stamp(90000), self.stamp(-60)]))
        if self.odd():
            token.pop(self.pick.choice(list(token)))
        digest = hashlib.sha1((session or start).encode()).hexdigest()
        if self.maybe(0.95):
            self.files[f".aws/sso/cache/{digest}.json"] = json.dumps(token)
        return lines

    def stamp(self, delta):
        return datetime.datetime.fromtimestamp(
            self.now + delta, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

    def settings(self):
        lines = ""
        for key, values, chance in (
                ("region", REGIONS if self.maybe(0.9) else FIPS_REGIONS, 0.6), ("use_fips_endpoint", ["true", "True", "false", "1"], 0.15),
                ("use_dualstack_endpoint", ["true", "TRUE", "no"], 0.15),
                ("endpoint_url", URLS, 0.1), ("ignore_configured_endpoint_urls", ["true", "false"], 0.1),
                ("services", ["mine", "gone"] if self.odd() else ["mine"], 0.1),
                ("sts_regional_endpoints",
                 ["legacy", "regional", "LEGACY"] + (["other"] if self.odd() else []), 0.15),
                ("ca_bundle", ["/etc/ssl/certs/ca-certificates.crt"], 0.1),
                ("ec2_metadata_service_endpoint", METADATA, 0.1),
                ("ec2_metadata_v1_disabled", ["true", "True", "false", "yes"], 0.1),
                ("metadata_service_timeout", ["5", "1"] + (["soon", "0"] if self.odd() else []), 0.1),
                ("metadata_service_num_attempts", ["3"] + (["many"] if self.odd() else []), 0.1),
                ("defaults_mode", ["standard", "legacy", "auto", "in-region"] +
                 (["quick"] if self.odd() else []), 0.05),
                ("retry_mode", ["standard", "adaptive", "legacy"], 0.05), ("max_attempts", ["2"], 0.05),
                ("ec2_metadata_service_endpoint_mode", ["IPv6", "ipv4"], 0.1),
                ("imds_use_ipv6", ["true"], 0.05), ("output", ["json"], 0.2)):
            if self.maybe(chance):
                lines += self.key(key, self.pick.choice(values))
        return lines

    def body(self, name):
        lines = self.settings()
        kinds = self.pick.choices([self.static_keys, self.process, self.role, self.web, self.login],
                                  weights=[3, 2, 4, 1, 2], k=self.pick.choice([1, 1, 1, 2]))
        for kind in dict.fromkeys(kinds):
            if kind is self.web and self.role in kinds:
                continue  # role_arn twice spoils the file
            lines += kind(name)
        return lines

    def config(self):
        parts = []
        for name in NAMES:
            if self.maybe(0.93 if name == self.profile else 0.7):
                parts.append(self.header(self.section_name("profile", name)) + self.body(name))
        for session in self.sessions:
            parts.append(self.header(self.section_name("sso-session", session)) +
                         self.key("sso_region", self.pick.choice(REGIONS[:3])) +
                         self.key("sso_start_url", "https://corp.example/start"))
        if self.maybe(0.5):
            block = "[services mine]\n"
            for service in ("sts", "sso", "sso_oidc", "efs"):
                if self.maybe(0.6):
                    block += f"{service} =\n  endpoint_url = https://{service.replace('_', '-')}.mine.example\n"
            parts.append(block)
        if self.odd():
            parts.append(self.junk())
        self.pick.shuffle(parts)
        return "".join(parts)

    def credentials(self):
        parts = []
        for name in NAMES:
            if self.maybe(0.35):
                parts.append(self.header(name) +
                             (self.static_keys(name) if self.maybe(0.8) else self.key("region", "eu-west-2")))
        if self.odd():
            parts.append(self.junk())
        return "".join(parts)

    def variables(self):
        for name, value, chance in (
                ("AWS_DEFAULT_REGION", self.pick.choice(["sa-east-1", "sa-east-1", "fips-us-west-2"]), 0.2), ("AWS_REGION", "eu-south-1", 0.2),
                ("AWS_ACCESS_KEY_ID", "ENVKEY", 0.5), ("AWS_SECRET_ACCESS_KEY", "secret-env", 0.5),
                ("AWS_SESSION_TOKEN", "token-env", 0.2), ("AWS_SECURITY_TOKEN", "older-env", 0.1),
                ("AWS_CREDENTIAL_EXPIRATION", self.stamp(self.pick.choice([7200, 7200, -60])), 0.1),
                ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x", 0.3),
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/full", 0.2),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token", 0.2),
                ("AWS_USE_FIPS_ENDPOINT", self.pick.choice(["true", "TRUE", "false", "1"]), 0.05),
                ("AWS_USE_DUALSTACK_ENDPOINT", self.pick.choice(["true", "false", ""]), 0.05),
                ("AWS_EC2_METADATA_V1_DISABLED", self.pick.choice(["true", "false"]), 0.07),
                ("AWS_EC2_METADATA_DISABLED", "true", 0.03),
                ("AWS_EC2_METADATA_SERVICE_ENDPOINT", self.pick.choice(METADATA), 0.04),
                ("AWS_IMDS_USE_IPV6", "true", 0.04), ("AWS_METADATA_SERVICE_TIMEOUT", "5", 0.05),
                ("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "3", 0.05), ("AWS_MAX_ATTEMPTS", "2", 0.05),
                ("AWS_DEFAULTS_MODE", "standard", 0.03), ("AWS_DEFAULT_PROFILE", "q", 0.04),
                ("AWS_ENDPOINT_URL_EFS", "https://efs.env.example", 0.04),
                ("AWS_ENDPOINT_URL", "https://all.example", 0.05),
                ("AWS_ENDPOINT_URL_STS", "https://sts.env.example", 0.08),
                ("AWS_ENDPOINT_URL_SSO_OIDC", "https://oidc.env.example", 0.08),
                ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 0.05),
                ("AWS_STS_REGIONAL_ENDPOINTS", "legacy", 0.08),
                ("AWS_CA_BUNDLE", "/etc/ssl/cert.pem", 0.08),
                ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6", 0.05)):
            if self.maybe(chance):
                self.environment[name] = value
        if self.odd():
            self.environment["AWS_CONFIG_FILE"] = self.pick.choice(
                ["~/.aws/config", "$HOME/.aws/config", "${HOME}/.aws/config", "@HOME@/.aws/config",
                 "/dev/null", "@HOME@", "@HOME@/.aws/gone"])
        self.token_file()

    def token_file(self):
        """Beside a full URI, or alone."""
        if not self.maybe(0.2):
            return
        self.files["container-jwt"] = "pod/token=" + ("\n" if self.odd() else "")
        self.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = "@HOME@/container-jwt"

    def sources(self):
        """Where no profile is named: the environment's sources, mostly without a usable [default]."""
        if self.maybe(0.6):
            self.files.pop(".aws/credentials")
            self.files[".aws/config"] = "[default]\nregion = eu-west-1\n" + self.junk_if_odd()
        for name in ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
            if self.maybe(0.5):
                self.environment.pop(name, None)
        if self.maybe(0.35):
            self.files["pod-jwt"] = "web.iden+tity/=.token"
            self.environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = "@HOME@/pod-jwt"
            if self.maybe(0.9):
                self.environment["AWS_ROLE_ARN"] = "arn:aws:iam::123456789012:role/pod"
        if self.maybe(0.15):
            self.files["option-jwt"] = "op.ti+on/="
            self.options = {"role_arn": "arn:aws:iam::123456789012:role/option",
                            "jwt_path": "@HOME@/option-jwt"}
        if self.maybe(0.15):
            self.environment["AWS_PROFILE"] = self.pick.choice(NAMES)

    def junk_if_odd(self):
        return self.junk() if self.odd() else ""
