"""The chain of efs-utils 3.2.0 where no profile is named, after contract CRED-1 to CRED-9: its own
code, not botocore's. `send(method, url, headers)` gives (status, text)."""
import configparser
import json
import os
from urllib.parse import urlencode

PLAIN = ("AccessKeyId", "SecretAccessKey", "Token")
SUFFIXES = {"cn-north-1": "amazonaws.com.cn", "us-iso-east-1": "c2s.ic.gov",
            "eusc-de-east-1": "amazonaws.eu"}


def keys_in_file(path, profile):
    """Keys in [name] of a file: CRED-3's first steps."""
    section = section_of(path, profile)
    if section.get("aws_access_key_id") is None or section.get("aws_secret_access_key") is None:
        return None
    return [section["aws_access_key_id"], section["aws_secret_access_key"],
            section.get("aws_session_token") or section.get("aws_security_token") or None]


def section_of(path, profile):
    parser = configparser.RawConfigParser()
    if not os.path.isfile(path):
        return {}  # it would wait for the writer of a pipe forever
    try:
        parser.read([path], encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return {}
    return dict(parser.items(profile)) if parser.has_section(profile) else {}


class Chain:
    def __init__(self, case, send):
        self.case, self.send = case, send
        self.failed = []  # sources that are configured and gave nothing

    def fetch(self, source, url, headers=None):
        status, text = self.send("GET", url, headers or {})
        return self.read(source, text if status == 200 else "")

    def read(self, source, text):
        try:
            document = json.loads(text)
        except ValueError:
            document = {}
        if not isinstance(document, dict) or any(name not in document for name in PLAIN):
            self.failed.append(source)
            return None
        return {"keys": [document[name] for name in PLAIN], "method": source,
                "expiration": document.get("Expiration")}

    def container(self, path):
        return self.fetch("ecs", "http://169.254.170.2" + path)

    def pod(self, url, token_file):
        with open(token_file, encoding="utf-8") as file:
            token = file.read().strip()
        if "\r" in token or "\n" in token:
            self.failed.append("podidentity")
            return None
        return self.fetch("podidentity", url, {"Authorization": token})

    def web(self, role, token_file):
        region = self.case["region"]
        with open(token_file, encoding="utf-8") as file:
            token = file.read()
        query = urlencode({"Version": "2011-06-15", "Action": "AssumeRoleWithWebIdentity", "RoleArn": role,
                           "RoleSessionName": "efs-mount-helper", "WebIdentityToken": token})
        suffix = SUFFIXES.get(region, "amazonaws.com")
        status, text = self.send("GET", f"https://sts.{region}.{suffix}/?{query}",
                                 {"accept": "application/json"})
        try:
            result = json.loads(text)["AssumeRoleWithWebIdentityResponse"]
            found = result["AssumeRoleWithWebIdentityResult"]["Credentials"]
            keys = [found[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
        except (ValueError, KeyError, TypeError):
            status = 0
        if status != 200:
            self.failed.append("webidentity")
            return None
        return {"keys": keys, "method": "webidentity", "expiration": found.get("Expiration")}

    def instance(self):
        base = "http://169.254.169.254/latest/"
        status, token = self.send("PUT", base + "api/token", {"x-aws-ec2-metadata-token-ttl-seconds": "21600"})
        headers = {"x-aws-ec2-metadata-token": token} if status == 200 else {}
        roles = base + "meta-data/iam/security-credentials/"
        status, role = self.send("GET", roles, headers)
        if status != 200 or not role:
            return None
        return self.fetch("metadata", roles + role, headers)

    def default_profile(self, paths):
        name = os.environ.get("AWS_PROFILE")
        if name:
            return name
        has_default = any("aws_access_key_id" in section_of(path, "default") for path in paths)
        return "default" if has_default else None

    def resolve(self):
        env, case = os.environ, self.case
        found = None
        if env.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
            found = self.container(env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"])
        pair = [env.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"), env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")]
        if not found and all(pair):
            found = self.pod(*pair)
        if not found and case.get("role_arn") and case.get("jwt_path"):
            found = self.web(case["role_arn"], case["jwt_path"])
        pair = [env.get("AWS_ROLE_ARN"), env.get("AWS_WEB_IDENTITY_TOKEN_FILE")]
        if not found and all(pair):
            found = self.web(*pair)
        found = found or self.instance() or {"error": "NoCredentials", "text": ""}
        return dict(found, failed=self.failed)
