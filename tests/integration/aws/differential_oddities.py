"""What people's homes have besides: files that are no files, other encodings, variables that are empty,
programs that misbehave. Added to the homes of differential_cases.py, one to three to about half of them."""
import json
import re

CONFIG, CREDENTIALS = ".aws/config", ".aws/credentials"
# In place of a file's text (differential.py, `written`).
NO_FILES = ["@DIRECTORY@", "@LOOP@", "@FIFO@", "@DANGLING@", "@NULL@"]
REGIONS = ["aws-global", "US-EAST-1", "us-east-1a", "local", "aws-cn-global", "us-west-2 # home", "us west",
           "aws-us-gov-global", "aws-iso-global", "us_east_1", "fips-aws-global", "", "xx-nowhere-7"]
URLS = ["https://sts.example:8443", "http://sts.example/", "https://STS.Example", "https://user:pw@sts.example",
        "sts.example", "https://sts.example/a b", "ftp://sts.example", "https://sts.example/?x=1",
        "HTTPS://sts.example", "https://sts.example//", "https://[fd00::1]:443/x", "", "none",
        "https://vpce.example/path"]
CONTAINERS = ["http://169.254.170.23/v1/credentials", "https://creds.example/x?y=1", "http://10.0.0.1/x",
              "http://[fd00:ec2::23]/v1", "http://localhost:80/", "http://127.0.0.2:9/full", "creds.example",
              "HTTP://LOCALHOST/x", "http://[::1]/x", "http://127.0.0.1@evil.example/x"]
VARIABLES = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE",
             "AWS_SHARED_CREDENTIALS_FILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
             "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
             "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
             "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
             "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_CA_BUNDLE", "AWS_USE_FIPS_ENDPOINT",
             "AWS_STS_REGIONAL_ENDPOINTS", "AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT",
             "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]
# Keys of clients and of other programs: none of our business.
FOREIGN = ["s3 =\n  max_concurrent_requests = 5\n  addressing_style = path", "s3 =\n    signature_version\n",
           "cli_pager =", "account_id_endpoint_mode = required", "account_id_endpoint_mode = never",
           "aws_account_id = 123456789012", "retry_mode = often", "max_attempts = many", "max_attempts = 0",
           "request_checksum_calculation = always", "tcp_keepalive = true", "user_agent_appid = me",
           "parameter_validation = false", "endpoint_discovery_enabled = maybe", "sigv4a_signing_region_set = *",
           "auth_scheme_preference = sigv4a,bearer", "request_min_compression_size_bytes = few",
           "granted_sso_start_url = https://x", "credential_process_timeout = 5", "mfa_process = x",
           "color = 100%", "quoted = %(region)s", "empty", "login_session = arn:aws:sts::1:assumed-role/x/y"]
SERVICES = ["[services mine]\nsts =\n\tendpoint_url=https://sts.mine.example\n",
            "[services mine]\nsts =\n    endpoint_url = https://sts.mine.example/\n\n    other = 1\n",
            "[services mine]\nSTS =\n  endpoint_url = https://sts.mine.example\n  # note\nsso =\n  region = x\n",
            "[services mine]\nsts =\n  Endpoint_URL = https://sts.mine.example\n",
            "[services mine]\nsts = https://sts.mine.example\n", "[services mine]\nsts =\n  nonsense\n",
            "[services 'mine']\nsts =\n  endpoint_url = https://sts.mine.example\n"
            "  endpoint_url = https://second.example\n", "[services mine]\nsso-oidc =\n  endpoint_url = https://o\n",
            "[services mine]\nsts =\n  endpoint_url =\n"]
PATHS = ["~nosuchuser/.aws/config", "~root/.aws/gone", "gone/config", "$UNSET/.aws/config", "${HOME}/.aws/config",
         "~/.aws/./config", "@HOME@/.aws/credentials", "@HOME@/.aws/config ", "~", "/dev/null", "@HOME@/.aws/config/x",
         "$$HOME/.aws/config", "${HOME/.aws/config", "@HOME@/.aws/../.aws/config"]
TIMES = ["2099-01-01T00:00:00Z", "2099-01-01T00:00:00UTC", "2099-01-01", "4070908800", "Thu, 01 Jan 2099 00:00:00 GMT",
         "2099-01-01T00:00:00.000Z", "20990101T000000Z", "2099-01-01T24:00:00Z", "2099-1-1T0:0:0Z",
         "2099-01-01 00:00:00 +0000 UTC", "January 1, 2099 00:00:00 UTC", "2099-01-01T00:00:00Z[UTC]",
         "2099-01-01T00:00:00 -0500", "2099-01-01T00:00:00 EST", "2099-01-01T12:00:00 PM Z"]


def process_text(pick):
    """The body of a program behind credential_process."""
    good = json.dumps({"Version": 1, "AccessKeyId": "PROC", "SecretAccessKey": "sp", "SessionToken": "t/+="})
    return pick.choice([
        f"echo 'refreshing' >&2\necho '{good}'", f"echo '{good}'\nexit 3", "echo 'no session' >&2\nexit 1",
        f"echo '{good}'\necho '{good}'", f"echo; echo '  {good}  '; echo", "echo '[1]'", "echo not json", "exit 0",
        "printf '\\357\\273\\277'; echo '" + good + "'", f"echo '{good[:-1]}, \"Version\": 1}}'",
        f"echo '{good[:-1]}, \"AccountId\": \"123456789012\", \"Other\": [1, {{}}]}}'",
        f"echo '{good[:-1]}, \"AccessKeyId\": \"LATER\"}}'", f"echo '{good[:-1]}, \"Note\": \"\\u00e4\"}}'",
        f"echo '{good[:-1]}, \"Note\": \"'; printf '\\344'; echo '\"}}'", f"echo '{good[:-1]}, \"Expiration\": null}}'",
        f"echo '{good[:-1]}, \"Note\": NaN}}'", f"cat; echo '{good}'", "kill -9 $$",
        f"head -c 70000 /dev/zero | tr '\\0' ' '; echo '{good}'", f"head -c 40000 /dev/zero | tr '\\0' ' '; echo '{good}'", f"(sleep 0) & echo '{good}'",
        "echo '{\"Version\": 1, \"AccessKeyId\": \"'$AWS_DEFAULT_REGION'X\", \"SecretAccessKey\": \"'$HOME'\"}'",
        f"echo '{good[:-1]}, \"Expiration\": \"{pick.choice(TIMES)}\"}}'",
        f"echo '{good[:-1]}, \"Expiration\": \"{pick.choice(TIMES)}\"}}'"])


class Oddities:
    """Of a Case (differential_cases.py)."""

    def oddities(self):
        self.is_odd = self.maybe(0.5)
        if not self.is_odd:
            return
        for oddity in self.pick.sample([
                self.no_file, self.empty_variable, self.profile_variable, self.odd_region, self.odd_sso_region,
                self.odd_endpoint, self.more_credentials, self.encoding, self.odd_services, self.odd_container,
                self.odd_token, self.odd_process, self.odd_path, self.odd_role, self.foreign_keys, self.odd_login,
                self.quoted_session, self.odd_values, self.older_files], k=self.pick.choice([1, 1, 2, 3])):
            oddity()

    def replace(self, pattern, choices, name=CONFIG, count=1):
        """One of `choices` for the values of keys."""
        self.files[name] = re.sub(rf"(?m)^({pattern})( *[=:] *).*$",
                                  lambda found: found[1] + found[2] + self.pick.choice(choices),
                                  self.files.get(name, ""), count=count)

    def into_profile(self, line, name=CONFIG):
        """A line behind a header."""
        headers = list(re.finditer(r"(?m)^\[(?:profile|default)[^\n]*\n", self.files.get(name, "")))
        if headers:
            at = self.pick.choice(headers).end()
            self.files[name] = self.files[name][:at] + line + "\n" + self.files[name][at:]

    def no_file(self):
        self.files[self.pick.choice([CONFIG, CREDENTIALS])] = self.pick.choice(NO_FILES)

    def empty_variable(self):
        self.environment[self.pick.choice(VARIABLES)] = ""

    def profile_variable(self):
        name = self.pick.choice(["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
        self.environment[name] = self.pick.choice([" p", "p ", "P", "gone", "default", "profile p", "p", "with blank"])
        if name == "AWS_PROFILE" and self.maybe(0.5):
            self.profile = None

    def odd_region(self):
        if self.maybe(0.7):
            self.replace("region", REGIONS, count=2)
        else:
            self.environment[self.pick.choice(["AWS_DEFAULT_REGION", "AWS_REGION"])] = self.pick.choice(REGIONS)

    def odd_sso_region(self):
        self.replace("sso_region", REGIONS + ["", ""], count=2)

    def odd_endpoint(self):
        if self.maybe(0.5):
            name = self.pick.choice(["", "_STS", "_SSO", "_SSO_OIDC", "_EFS"])
            self.environment["AWS_ENDPOINT_URL" + name] = self.pick.choice(URLS)
        else:
            self.into_profile("endpoint_url = " + self.pick.choice(URLS))

    def more_credentials(self):
        """Roles, log-ins, programs and settings in the file of credentials."""
        for name in self.pick.sample(["p", "q", "r", "default"], k=2):
            if not re.search(rf"(?m)^\s*\[{name}\]", self.files.get(CREDENTIALS, "")):
                self.files[CREDENTIALS] = self.files.get(CREDENTIALS, "") + f"[{name}]\n" + self.body(name)

    def encoding(self):
        name = self.pick.choice([CONFIG, CREDENTIALS])
        text = self.files.get(name, "")
        self.files[name] = self.pick.choice([
            "\ufeff" + text, text.replace("\n", "\r\n"), text.replace("\n", "\r"), text.rstrip("\n"),
            text + "[profile caf\udce9]\nregion = x\n", text + "[other]\nname = caf\udce9\n", text + "\x00",
            text.replace("\n[", "\n\n\n["), text + "[other]\nname = \u00e4\u2028b = c\n",
            text.replace(" = ", "\t=\t"), "# \u00e4\n" + text, text.replace("\n", "\n\x0b"),
            re.sub(r"(?m)^(\w)", r"  \1", text), "\n \n" + text])

    def odd_services(self):
        self.files[CONFIG] = re.sub(r"\[services mine\]\n(?:\w[^\n]*\n  [^\n]*\n)*", "", self.files.get(CONFIG, ""))
        self.files[CONFIG] = self.pick.choice(SERVICES) + self.files[CONFIG]
        self.into_profile("services = " + self.pick.choice(["mine", "mine", "'mine'", "Mine"]))

    def odd_container(self):
        if self.maybe(0.3):
            self.environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = self.pick.choice(
                ["v2/x", "/v2/a b", "/v2/x?y=1#z", "//evil.example/x", "@evil.example/x", ":80/x"])
        else:
            self.environment.pop("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", None)
            self.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = self.pick.choice(CONTAINERS)
        if self.maybe(0.6):
            self.into_profile("credential_source = EcsContainer")

    def odd_token(self):
        text = self.pick.choice(["token\n", " token ", "token\r\n", "to\nken", "", "\n", "tok en", "tok\u00e4n",
                                 "t" * 5000, "t" * 20000])
        for name in ("jwt", "container-jwt", "pod-jwt", "option-jwt"):
            if name in self.files:
                self.files[name] = text
        if self.maybe(0.3):
            self.files.pop(self.pick.choice(["jwt", "container-jwt", "pod-jwt", "option-jwt"]), None)

    def odd_process(self):
        programs = [name for name in self.files if name.startswith("program")]
        if not programs:
            self.files["program-odd"] = ""
            programs = ["program-odd"]
            self.into_profile("credential_process = " + self.pick.choice(
                ["@HOME@/program-odd", "sh @HOME@/program-odd", "sh -c '. @HOME@/program-odd'", "~/program-odd",
                 "$HOME/program-odd", "nosuchprogram x", "/bin/sh \"@HOME@/program-odd\"", "@HOME@", "''"]))
        for name in programs:
            self.files[name] = "#!/bin/sh\n" + process_text(self.pick) + "\n"

    def odd_path(self):
        self.environment[self.pick.choice(["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"])] = self.pick.choice(PATHS)

    def odd_role(self):
        self.replace("role_arn", ["arn:aws-cn:iam::123456789012:role/path/xrole", "role/r", "arn:aws:iam::1:role/a b",
                                  "arn:aws:iam::123456789012:role/\u00e4", "", "arn:" + "r" * 2100, "arn:r"])
        self.replace("external_id", ["100%", "%(x)s", "\u00e4", "", "a\tb", "x" * 1300])
        self.replace("role_session_name", ["100%", "\u00e4b", "", "a:b", "-"])
        self.replace("credential_source", ["ec2instancemetadata", "environment", "EcsContainer ", "", "Ec2Config",
                                           "SharedConfig"])
        self.replace("source_profile", ["p", "q", "gone", "P", "'q'", "", "profile q", "with blank"])
        if self.maybe(0.4):
            self.into_profile(self.pick.choice([
                "source_profile = q", "credential_source = Environment", "mfa_serial =", "duration_seconds = -1",
                "web_identity_token_file =", "web_identity_token_file = @HOME@/gone", "role_arn ="]))

    def foreign_keys(self):
        for line in self.pick.sample(FOREIGN, k=2):
            self.into_profile(line)

    def odd_login(self):
        for name in [name for name in self.files if name.startswith(".aws/sso/cache")]:
            token = json.loads(self.files[name])
            self.files[name] = self.pick.choice([
                "", "not json", "[]", "null", json.dumps(dict(token, accessToken=None)),
                json.dumps(dict(token, accessToken="")), json.dumps(dict(token, expiresAt=4102542245)),
                json.dumps(dict(token, expiresAt=self.pick.choice(TIMES))), json.dumps(dict(token, expiresAt=None)),
                json.dumps(dict(token, registrationExpiresAt=self.pick.choice(TIMES), expiresAt=self.stamp(60))),
                json.dumps(dict(token, refreshToken="", expiresAt=self.stamp(60))),
                json.dumps(dict(token, clientId=None, expiresAt=self.stamp(60))), "\ufeff" + json.dumps(token),
                json.dumps(token, indent=2) + "\n", json.dumps(dict(token, other=["\u00e4"]), ensure_ascii=False),
                json.dumps(dict(token, accessToken="a b"))])

    def older_files(self):
        """Where botocore looks when a profile gives nothing."""
        self.files[".boto"] = "[Credentials]\naws_access_key_id = BOTO\naws_secret_access_key = sb\n"
        self.files["ec2-keys"] = "AWSAccessKeyId=EC2\nAWSSecretKey=se\n"
        if self.maybe(0.5):
            self.environment["BOTO_CONFIG"] = self.pick.choice(["@HOME@/.boto", "@HOME@/gone", ""])
        if self.maybe(0.5):
            self.environment["AWS_CREDENTIAL_FILE"] = self.pick.choice(["@HOME@/ec2-keys", "~/ec2-keys", "@HOME@/.boto"])

    def quoted_session(self):
        """Names of sessions, quoted or not quite the same."""
        self.files[CONFIG] = re.sub(r"(?m)^(\s*)\[sso-session .*\]", lambda found: found[1] + self.pick.choice(
            ['[sso-session "corp"]', "[sso-session 'my corp']", "[sso-session  corp]", "[sso-session Corp]",
             "[sso-session corp ]", '[sso-session "corp]', "[sso-session my\\ corp]", "[sso-sessions corp]",
             "[SSO-session corp]", "[sso-session]", "[sso-session my corp]"]), self.files.get(CONFIG, ""))
        self.replace("sso_session", ["corp", "my corp", '"corp"', "Corp", "", "corp # x"], count=2)

    def odd_values(self):
        """Values of what a log-in and a certificate authority need."""
        self.replace("sso_account_id", ["1", "", "0123", "12 34", "a/b", "1234-5678"])
        self.replace("sso_role_name", ["", "a b", "a/b", "\u00e4", "r?x=1"])
        self.replace("sso_start_url", ["", "corp", "https://corp.example/start/", "https://corp.example/start#/"], count=3)
        self.replace("ca_bundle", ["relative.pem", "~/ca.pem", "false", "", "/nonexistent/ca.pem"])
        self.replace("ec2_metadata_service_endpoint", ["127.0.0.1:9", "http://bad host/", "ftp://x", "", "http://[::1",
                                                       "http://127.0.0.1:9/base/", "HTTP://127.0.0.1:9"])
        if self.maybe(0.3):
            self.environment["AWS_CA_BUNDLE"] = self.pick.choice(["ca.pem", "~/ca.pem", "@HOME@/ca.pem", "false"])
        if self.maybe(0.3):
            self.environment["AWS_CREDENTIAL_EXPIRATION"] = self.pick.choice(TIMES)
