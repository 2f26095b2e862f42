"""What efs-utils 3.2.0 with botocore makes of files, variables and caches: one JSON case per line on
stdin, one answer per line on stdout. Run by the Python whose botocore is asked.

The network is played, with the answers of tests/tools/played_network.h. efs-utils' own first two steps
for a named profile (contract CRED-3: keys in [name] of either file) come before botocore.
"""
import configparser
import datetime
import json
import os
import sys
from urllib.parse import parse_qsl, urlsplit

import botocore.awsrequest
import botocore.credentials
import botocore.httpsession
import botocore.loaders
import botocore.session
import botocore.utils

END = "2100-01-02T03:04:05Z"
SEEN = []
LOADER = botocore.loaders.create_loader()


class Raw:
    def __init__(self, body):
        self.body = body

    def stream(self, *_, **__):
        yield self.body

    def read(self, *_):
        return self.body


def keys(name):
    return name.upper() + "KEY", "secret-" + name, "token-" + name


def document(name):
    key, secret, token = keys(name)
    return json.dumps({"Code": "Success", "AccessKeyId": key, "SecretAccessKey": secret,
                       "Token": token, "Expiration": END})


def answer(url, body):
    parts = urlsplit(url)
    fields = dict(parse_qsl(body or parts.query, keep_blank_values=True))
    path = parts.path
    if path.startswith("/latest/"):
        if path.endswith("/api/token"):
            return "TOKEN"
        return "imds" if path.endswith("/security-credentials/") else document("imds")
    if "Action" in fields:
        action = fields["Action"]
        key, secret, token = keys(fields.get("RoleArn", "").rpartition("/")[2])
        return (f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>'
                f"<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}"
                f"</SecretAccessKey><SessionToken>{token}</SessionToken><Expiration>{END}"
                f"</Expiration></Credentials></{action}Result></{action}Response>")
    if path.endswith("/federation/credentials"):
        key, secret, token = keys(fields.get("role_name", ""))
        return json.dumps({"roleCredentials": {
            "accessKeyId": key, "secretAccessKey": secret, "sessionToken": token,
            "expiration": 4102542245000}})
    if path.endswith("/token"):
        return json.dumps({"accessToken": "fresh", "expiresIn": 3600, "refreshToken": "next"})
    return document("container")


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def send(session, request):
    body = text(request.body) or ""
    headers = {name.lower(): text(value) for name, value in request.headers.items()}
    verify = getattr(session, "_verify", True)
    SEEN.append({"method": request.method, "url": request.url, "headers": headers, "body": body,
                 "ca_bundle": verify if isinstance(verify, str) else ""})
    reply = answer(request.url, body).encode()
    return botocore.awsrequest.AWSResponse(
        request.url, 200, botocore.awsrequest.HeadersDict({}), Raw(reply))


def without_prompt(fetcher):
    """Nobody is there to type a code; getpass would read the cases."""
    if "SerialNumber" in fetcher._assume_kwargs:
        raise EOFError("MFA code")
    return assume_role_arguments(fetcher)


botocore.httpsession.URLLib3Session.send = send
assume_role_arguments = botocore.credentials.AssumeRoleCredentialFetcher._assume_role_kwargs
botocore.credentials.AssumeRoleCredentialFetcher._assume_role_kwargs = without_prompt


def keys_in_file(path, profile):
    """CRED-3's first steps."""
    parser = configparser.RawConfigParser()
    try:
        parser.read([path], encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return None
    if not parser.has_section(profile):
        return None
    get = lambda key: parser.get(profile, key, fallback=None)
    if get("aws_access_key_id") is None or get("aws_secret_access_key") is None:
        return None
    return [get("aws_access_key_id"), get("aws_secret_access_key"),
            get("aws_session_token") or get("aws_security_token")]


def path_of(variable, default):
    path = os.environ.get(variable) or default
    return os.path.expanduser(os.path.expandvars(path))


def resolve(case):
    profile = case["profile"]
    for variable, name in (("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "config")):
        path = path_of(variable, f"~/.aws/{name}")
        found = keys_in_file(path, profile) if os.path.isfile(path) else None
        if found:
            return {"keys": found, "method": name, "expiration": None}
    session = botocore.session.get_session()
    session.register_component("data_loader", LOADER)
    session.set_config_variable("profile", profile)
    credentials = session.get_credentials()
    if credentials is None:
        return {"error": "NoCredentials", "text": ""}
    frozen = credentials.get_frozen_credentials()
    ends = getattr(credentials, "_expiry_time", None)
    return {"keys": [frozen.access_key, frozen.secret_key, frozen.token or None],
            "method": credentials.method,
            "expiration": None if ends is None else int(ends.timestamp())}


def main():
    # Its caches are those of the home at import; each case has its own.
    import botocore.credentials as credentials_module
    import botocore.tokens as tokens_module
    print(json.dumps({"botocore": botocore.__version__}), flush=True)
    for line in sys.stdin:
        case = json.loads(line)
        os.environ.clear()
        os.environ.update(case["environment"], HOME=case["home"])
        cache = os.path.join(case["home"], ".aws", "sso", "cache")
        credentials_module.SSOProvider._SSO_TOKEN_CACHE_DIR = cache
        tokens_module.SSOTokenProvider._SSO_TOKEN_CACHE_DIR = cache
        SEEN.clear()
        try:
            result = resolve(case)
        except Exception as error:  # noqa: BLE001: any of botocore's is an answer
            result = {"error": type(error).__name__, "text": str(error)[:300]}
        result["requests"] = list(SEEN)
        print(json.dumps(result), flush=True)


main()
