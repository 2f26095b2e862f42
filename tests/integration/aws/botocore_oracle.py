"""What efs-utils 3.2.0 with botocore makes of files, variables and caches: one JSON case per line on
stdin, one answer per line on stdout. Run by the Python whose botocore is asked.

The network is played, with the answers of tests/tools/played_network.h. efs-utils' own steps
(efs_utils_chain.py) come before botocore.
"""
import json
import os
from urllib.parse import parse_qsl, quote, urlsplit

import stopped_time  # before anything that takes the clock's classes and functions with it

import botocore.awsrequest
import botocore.credentials
import botocore.httpsession
import botocore.utils
from efs_utils_chain import Chain, keys_in_file
from quick_botocore import new_session

END = "2100-01-02T03:04:05Z"
END_SECONDS = 4102542245
SEEN = []
ANSWERS = {}
ASKED = {}  # how often, of endpoints that answer the first questions in another way


class Raw:
    def __init__(self, body):
        self.body = body

    def stream(self, *_, **__):
        yield self.body

    def read(self, *_):
        return self.body


def keys(name):
    return name.upper() + "KEY", "secret-" + name, "token-" + name


def changed(document, change):
    for name in change.get("omit", []):
        document.pop(name, None)
    document.update(change.get("set", {}))
    return document


def document(name, change):
    key, secret, token = keys(name)
    return json.dumps(changed({"Code": "Success", "AccessKeyId": key, "SecretAccessKey": secret,
                               "Token": token, "Expiration": END}, change))


def endpoint_of(path, fields):
    if path.startswith("/latest/"):
        if path.endswith("/api/token"):
            return "imds_token"
        return "imds_role" if path.endswith("/security-credentials/") else "imds_keys"
    if "Action" in fields:
        return "sts"
    for end, name in (("/federation/credentials", "sso"), ("/mount-targets", "efs"), ("/token", "oidc")):
        if path.endswith(end):
            return name
    return "container"


def sts_answer(fields, change, wants_json):
    action = fields["Action"]
    key, secret, token = keys(fields.get("RoleArn", "").rpartition("/")[2])
    values = changed({"AccessKeyId": key, "SecretAccessKey": secret, "SessionToken": token,
                      "Expiration": END_SECONDS if wants_json else END}, change)
    if wants_json:
        return json.dumps({f"{action}Response": {f"{action}Result": {"Credentials": values}}})
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    return (f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>'
            f"<Credentials>{inner}</Credentials></{action}Result></{action}Response>")


def refusal(endpoint, change):
    code = change.get("code", "")
    if endpoint == "sts":
        return (f"<ErrorResponse><Error><Code>{code}</Code><Message>refused</Message></Error>"
                "</ErrorResponse>")
    return json.dumps({"error" if endpoint == "oidc" else "code": code, "message": "refused"})


def change_of(endpoint):
    change = ANSWERS.get(endpoint, {})
    if "first" not in change:
        return change
    ASKED[endpoint] = ASKED.get(endpoint, 0) + 1
    return change["first"] if ASKED[endpoint] <= change["times"] else {}


def answer(url, body, headers):
    """(status, text, headers)"""
    parts = urlsplit(url)
    fields = dict(parse_qsl(body or parts.query, keep_blank_values=True))
    endpoint = endpoint_of(parts.path, fields)
    change = change_of(endpoint)
    status = change.get("status", 200)
    if "body" in change:
        return status, change["body"], {}
    if status != 200:
        code = {} if endpoint == "sts" else {"x-amzn-errortype": change.get("code", "")}
        return status, refusal(endpoint, change), code
    if endpoint == "sts":
        return 200, sts_answer(fields, change, headers.get("accept") == "application/json"), {}
    if endpoint == "sso":
        key, secret, token = keys(quote(fields.get("role_name", ""), safe=""))
        return 200, json.dumps({"roleCredentials": changed({
            "accessKeyId": key, "secretAccessKey": secret, "sessionToken": token,
            "expiration": END_SECONDS * 1000}, change)}), {}
    texts = {"imds_token": "TOKEN", "imds_role": "imds", "efs": '{"MountTargets": []}',
             "oidc": json.dumps(changed({"accessToken": "fresh", "expiresIn": 3600,
                                         "refreshToken": "next"}, change)),
             "imds_keys": document("imds", change), "container": document("container", change)}
    return 200, texts[endpoint], {}


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def send(session, request):
    body = text(request.body) or ""
    headers = {name.lower(): text(value) for name, value in request.headers.items()}
    verify = getattr(session, "_verify", True)
    SEEN.append({"method": request.method, "url": request.url, "headers": headers, "body": body,
                 "ca_bundle": verify if isinstance(verify, str) else ""})
    status, reply, reply_headers = answer(request.url, body, headers)
    return botocore.awsrequest.AWSResponse(
        request.url, status, botocore.awsrequest.HeadersDict(reply_headers), Raw(reply.encode()))


def send_plain(method, url, headers):
    """For what efs-utils asks without botocore."""
    headers = {name.lower(): value for name, value in headers.items()}
    SEEN.append({"method": method, "url": url, "headers": headers, "body": "", "ca_bundle": ""})
    return answer(url, "", headers)[:2]


def without_prompt(fetcher):
    """Nobody is there to type a code; getpass would read the cases."""
    if "SerialNumber" in fetcher._assume_kwargs:
        raise EOFError("MFA code")
    return assume_role_arguments(fetcher)


botocore.httpsession.URLLib3Session.send = send
assume_role_arguments = botocore.credentials.AssumeRoleCredentialFetcher._assume_role_kwargs
botocore.credentials.AssumeRoleCredentialFetcher._assume_role_kwargs = without_prompt


def path_of(variable, default):
    path = os.environ.get(variable) or default
    return os.path.expanduser(os.path.expandvars(path))


def session_of(profile):
    session = new_session()
    if profile:
        session.set_config_variable("profile", profile)
    return session


def resolve(case):
    paths = [path_of("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
             path_of("AWS_CONFIG_FILE", "~/.aws/config")]
    chain = Chain(case, send_plain)
    by_role = case.get("role_arn") and case.get("jwt_path")
    profile = None if by_role else case["profile"] or chain.default_profile(paths)
    if not profile:
        return chain.resolve()
    for path, name in zip(paths, ("credentials", "config")):
        found = keys_in_file(path, profile) if os.path.isfile(path) else None
        if found:
            return {"keys": found, "method": name, "expiration": None}
    credentials = session_of(profile).get_credentials()
    if credentials is None:
        return {"error": "NoCredentials", "text": ""}
    frozen = credentials.get_frozen_credentials()
    ends = getattr(credentials, "_expiry_time", None)
    return {"keys": [frozen.access_key, frozen.secret_key, frozen.token or None],
            "method": credentials.method,
            "expiration": None if ends is None else int(ends.timestamp())}


def ask_api(case):
    """DescribeMountTargets, as efs-utils asks it where DNS fails; signed by nobody in particular."""
    client = session_of(case["profile"]).create_client(
        "efs", region_name=case["region"], aws_access_key_id="A", aws_secret_access_key="s")
    client.describe_mount_targets(FileSystemId="fs-0123456789abcdef0")


def tried(action, case):
    SEEN.clear()
    try:
        result = action(case) or {}
    except Exception as error:  # noqa: BLE001: any of botocore's is an answer
        result = {"error": type(error).__name__, "text": str(error)[:300]}
    return dict(result, requests=list(SEEN))


def main():
    # Its caches are those of the home at import; each case has its own.
    import botocore.tokens as tokens_module
    print(json.dumps({"botocore": botocore.__version__}), flush=True)
    cases = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # programs would read the cases
    for line in cases:
        case = json.loads(line)
        stopped_time.stop_at(case["now"])
        os.environ.clear()
        os.environ.update(case["environment"], HOME=case["home"])
        cache = os.path.join(case["home"], ".aws", "sso", "cache")
        botocore.credentials.SSOProvider._SSO_TOKEN_CACHE_DIR = cache
        tokens_module.SSOTokenProvider._SSO_TOKEN_CACHE_DIR = cache
        ANSWERS.clear()
        ASKED.clear()
        ANSWERS.update(case.get("answers", {}))
        result = tried(resolve, case)
        ANSWERS.clear()
        result["api"] = tried(ask_api, case) if case.get("api", True) else {}
        print(json.dumps(result), flush=True)


main()
