"""The smallest homes that show what is argued (differential_argued.py)."""
import hashlib
import json
import time

from differential import NOW
from differential_rarities import xml

STATIC = "aws_access_key_id = A\naws_secret_access_key = s\n"
ROLE = "[profile p]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = q\n"
PROCESS = ("#!/bin/sh\necho '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\","
           "\"Expiration\":\"\"}'\n")
WEB = ("[profile p]\nrole_arn = arn:aws:iam::123456789012:role/r\nregion = eu-west-1\n"
       "web_identity_token_file = @HOME@/jwt\n")
SSO = "[profile p]\nsso_session = c\nsso_account_id = 1\nsso_role_name = r\n"
LOG_IN = ".aws/sso/cache/" + hashlib.sha1(b"c").hexdigest() + ".json"
CACHED = {LOG_IN: '{"accessToken": "cached", "expiresAt": "2099-01-01T00:00:00Z"}'}
SOON = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW + 600))
SESSION = "[sso-session c]\nsso_start_url = https://c\nsso_region = eu-west-1\n"
REFRESHABLE = {LOG_IN: json.dumps({
    "accessToken": "cached", "refreshToken": "again", "clientId": "c", "clientSecret": "s",
    "registrationExpiresAt": "2099-01-01T00:00:00Z", "expiresAt": SOON})}
IMDS = json.dumps({"Code": "Success", "AccessKeyId": "A", "SecretAccessKey": "s", "Token": "t",
                   "Expiration": "2099-01-01T00:00:00Z"})
# name in ARGUED -> the case that shows it
EXAMPLES = {
    "STS of aws-global is the global one": {
        "profile": None, "region": "aws-global", "files": {"jwt": "t"}, "answers": {"imds_role": {"status": 404}},
        "environment": {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "@HOME@/jwt"}},
    "a named profile is final (CRED-3)": {
        "files": {".aws/config": "[profile p]\nregion = eu-west-1\n"},
        "environment": {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}},
    "a broken section ends only what needs it": {
        "files": {".aws/config": "[other]\nnonsense\n[profile p]\n" + STATIC}},
    "nothing is signed with an empty key": {
        "files": {".aws/config": "[profile p]\n" + STATIC.replace("= A", "=")}},
    "nothing is signed with values that no header can carry": {
        "files": {".aws/config": "[profile p]\n" + STATIC.replace("= A", "= A # old")}},
    "a session that is not there matters to a log-in only": {
        "files": {".aws/config": ROLE + "sso_session = gone\n[profile q]\n" + STATIC}},
    "sts_regional_endpoints matters to STS only": {
        "files": {".aws/config": "[profile p]\nsts_regional_endpoints = LEGACY\nsso_start_url = https://c\n"
                                 "sso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = r\n",
                  ".aws/sso/cache/" + hashlib.sha1(b"https://c").hexdigest() + ".json":
                  '{"accessToken": "cached", "expiresAt": "2099-01-01T00:00:00Z"}'}},
    "an empty Expiration is none": {
        "files": {".aws/config": "[profile p]\ncredential_process = @HOME@/program\n", "program": PROCESS}},
    "the mount's region serves where nothing names one": {
        "files": {".aws/config": ROLE + "endpoint_url = https://sts.example\n[profile q]\n" + STATIC}},
    "a mode of the metadata service that is none is IPv4": {
        "files": {".aws/config": "[profile p]\nec2_metadata_service_endpoint_mode = 5\ncredential_process = "
                                 "@HOME@/program\n", "program": PROCESS.replace(",\"Expiration\":\"\"", "")}},
    "a refresh that brings nothing leaves a log-in that has not ended": {
        "files": {".aws/config": "[profile p]\nsso_session = c\nsso_account_id = 1\nsso_role_name = r\n"
                                 "[sso-session c]\nsso_start_url = https://c\nsso_region = eu-west-1\n",
                  LOG_IN: json.dumps({
                      "accessToken": "cached", "refreshToken": "again", "clientId": "c", "clientSecret": "s",
                      "registrationExpiresAt": "2099-01-01T00:00:00Z", "expiresAt": SOON})},
        "answers": {"oidc": {"omit": ["accessToken"]}}},
    "only what belongs to a log-in may not contradict its session": {
        "files": {".aws/config": "[DEFAULT]\nregion = us-west-2\n[profile p]\nregion = eu-west-1\nsso_session = c\n"
                                 "sso_account_id = 1\nsso_role_name = r\n"
                                 "[sso-session c]\nsso_start_url = https://c\nsso_region = eu-west-1\n",
                  ".aws/sso/cache/" + hashlib.sha1(b"c").hexdigest() + ".json":
                  '{"accessToken": "cached", "expiresAt": "2099-01-01T00:00:00Z"}'}},
    "an endpoint is an http or https URL, without blanks, user or query": {
        "files": {".aws/config": "[profile p]\nregion = eu-west-1\nendpoint_url = https://a.example/ # b\n" + STATIC}},
    "an empty key of a profile says nothing": {
        "files": {".aws/config": ROLE + "credential_source =\n[profile q]\n" + STATIC}},
    "a services section without keys says nothing": {
        "files": {".aws/config": ROLE + "services = mine\nregion = eu-west-1\n[services mine]\n[profile q]\n" + STATIC}},
    "an empty variable is one that is not set": {
        "files": {".aws/config": ROLE + "use_dualstack_endpoint = true\nregion = eu-west-1\n[profile q]\n" + STATIC},
        "environment": {"AWS_USE_DUALSTACK_ENDPOINT": ""}},
    "defaults_mode does not ask the metadata service for a region": {
        "files": {".aws/config": ROLE + "defaults_mode = auto\nregion = eu-west-1\n[profile q]\n" + STATIC}},
    "an answer that names no end has none": {
        "files": {".aws/config": "[profile p]\nsso_start_url = https://c\nsso_region = eu-west-1\n"
                                 "sso_account_id = 1\nsso_role_name = r\n",
                  ".aws/sso/cache/" + hashlib.sha1(b"https://c").hexdigest() + ".json":
                  '{"accessToken": "cached", "expiresAt": "2099-01-01T00:00:00Z"}'},
        "answers": {"sso": {"omit": ["expiration"]}}},
    "how long is waited is the contract's": {
        "files": {".aws/config": "[profile p]\nmetadata_service_timeout = soon\n" + ROLE.partition("\n")[2] +
                                 "region = eu-west-1\n[profile q]\n" + STATIC}},
    "a dual-stack name is asked for in every partition": {
        "files": {".aws/config": ROLE + "use_dualstack_endpoint = true\nregion = eu-isoe-west-1\n[profile q]\n" +
                                 STATIC}},
    "an API is asked although there is no such profile": {"files": {}, "of_api": True},
    "AWS_DEFAULT_PROFILE is not read": {
        "profile": None, "of_api": True, "files": {".aws/config": "[profile q]\nuse_fips_endpoint = true\n"},
        "environment": {"AWS_DEFAULT_PROFILE": "q"}},
    "a source that is configured and fails ends the mount": {
        "profile": None, "files": {}, "answers": {"container": {"status": 404}},
        "environment": {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}},
    "a broken [default] ends the mount": {
        "profile": None, "api": False, "files": {".aws/credentials": STATIC}},
    "a [default] that asks for a role, a program or a log-in comes before the instance's role": {
        "profile": None, "files": {".aws/config": ROLE.replace("profile p", "default") + "[profile q]\n" + STATIC}},
    "AWS's variables for endpoints and authorities count for every source": {
        "profile": None, "files": {},
        "environment": {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9"}},
    "who forbids the metadata service is obeyed": {
        "profile": None, "files": {}, "environment": {"AWS_EC2_METADATA_DISABLED": "true"}},
    "credentials that have ended sign nothing": {
        "profile": None, "files": {}, "answers": {"container": {"set": {"Expiration": "2020-01-01T00:00:00Z"}}},
        "environment": {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}},
    "an end that nobody can read is refused": {
        "profile": None, "files": {}, "answers": {"container": {"set": {"Expiration": "soon"}}},
        "environment": {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}},
    "blanks around a token are none of it": {
        "files": {".aws/config": WEB, "jwt": "token\n"}},
    "a token with line ends or other characters that no token has is refused": {
        "files": {".aws/config": WEB, "jwt": "to\nken"}},
    "the container's agent is asked for a path": {
        "profile": None, "files": {}, "environment": {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": ":80/x"}},
    "keys go in clear text to this host only": {
        "profile": None, "files": {"container-jwt": "t"},
        "environment": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://10.0.0.1/x",
                        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "@HOME@/container-jwt"}},
    "settings of botocore's clients say nothing": {
        "files": {".aws/config": ROLE + "region = eu-west-1\nrequest_min_compression_size_bytes = few\n[profile q]\n" +
                  STATIC}},
    "a byte order mark says nothing": {
        "files": {".aws/config": "[profile p]\ncredential_process = @HOME@/program\n", "program": PROCESS.replace(
            ",\"Expiration\":\"\"", "").replace("echo", r"printf '\357\273\277'; echo")}},
    "a program writes at most 64 KiB": {
        "files": {".aws/config": "[profile p]\ncredential_process = @HOME@/program\n", "program": PROCESS.replace(
            ",\"Expiration\":\"\"", "").replace("echo", "head -c 70000 /dev/zero | tr '\\0' ' '; echo")}},
    "a reply is JSON that every program reads": {
        "files": {".aws/config": "[profile p]\ncredential_process = @HOME@/program\n",
                  "program": PROCESS.replace('"Expiration":""', '"Note":NaN')}},
    "keys and tokens are texts, and not empty": {
        "files": {".aws/config": "[profile p]\ncredential_process = @HOME@/program\n",
                  "program": PROCESS.replace('"AccessKeyId":"A"', '"AccessKeyId": 5').replace(',"Expiration":""', "")}},
    "a metadata token that is none is not sent": {
        "profile": None, "files": {}, "answers": {"imds_token": {"body": ""}}},
    "what is no name of a role is none": {
        "profile": None, "files": {}, "answers": {"imds_role": {"body": "<html>"}}},
    "an end that the metadata service writes oddly spoils no keys": {
        "files": {".aws/config": ROLE.replace("source_profile = q", "credential_source = Ec2InstanceMetadata") +
                  "region = eu-west-1\n"}, "answers": {"imds_keys": {"set": {"Expiration": "soon"}}}},
    "an end in seconds is one": {
        "files": {".aws/config": ROLE.replace("source_profile = q", "credential_source = EcsContainer") +
                  "region = eu-west-1\n"}, "answers": {"container": {"set": {"Expiration": 4102542245}}},
        "environment": {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}},
    "a program runs in /, at the mount as at a renewal": {
        "files": {".aws/config": "[profile p]\ncredential_process = @HOME@/program\n",
                  "program": PROCESS.replace('"s"', '"s\'$(pwd)\'"').replace(',"Expiration":""', "")}},
    "a service that throttles is asked again by every source": {
        "profile": None, "files": {"jwt": "token"},
        "answers": {"sts": {"first": {"status": 400, "code": "Throttling"}, "times": 1}},
        "environment": {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "@HOME@/jwt"}},
    "SSL_CERT_FILE names the authorities for every source": {
        "files": {".aws/config": ROLE + "region = eu-west-1\n[profile q]\n" + STATIC},
        "environment": {"SSL_CERT_FILE": "/ca.pem"}},
    "the URL and the region of a log-in may stand in the profile": {
        "files": {".aws/config": SSO + "region = eu-west-1\nsso_start_url = https://c\n[sso-session c]\n"
                  "sso_region = eu-west-1\n", **CACHED}},
    "a log-in with a token that is empty or no text is none": {
        "files": {".aws/config": SSO + "region = eu-west-1\n[sso-session c]\nsso_start_url = https://c\n"
                  "sso_region = eu-west-1\n", LOG_IN: json.dumps({
                      "accessToken": "", "expiresAt": "2099-01-01T00:00:00Z"})}},
    "a refresh token that is not replaced stays": {
        "files": {".aws/config": SSO + "region = eu-west-1\n[sso-session c]\nsso_start_url = https://c\n"
                  "sso_region = eu-west-1\n", LOG_IN: json.dumps({
                      "accessToken": "cached", "refreshToken": "again", "clientId": "c", "clientSecret": "s",
                      "registrationExpiresAt": "2099-01-01T00:00:00Z", "expiresAt": SOON})},
        "answers": {"oidc": {"omit": ["refreshToken"]}}},
    "an empty refresh token or client refreshes nothing": {
        "files": {".aws/config": SSO + "region = eu-west-1\n[sso-session c]\nsso_start_url = https://c\n"
                  "sso_region = eu-west-1\n", LOG_IN: json.dumps({
                      "accessToken": "cached", "refreshToken": "", "clientId": "c", "clientSecret": "s",
                      "registrationExpiresAt": "2099-01-01T00:00:00Z", "expiresAt": SOON})}},
    "an endpoint of the metadata service matters to who asks it": {
        "files": {".aws/config": ROLE + "region = eu-west-1\nec2_metadata_service_endpoint = http://[::1\n[profile q]\n" +
                  STATIC}},
    "what a name or an id may be is for STS to say": {
        "files": {".aws/config": ROLE + "region = eu-west-1\nrole_session_name = -\n[profile q]\n" + STATIC}},
    "a region with FIPS is the one that it names, for every source": {
        "profile": None, "region": "fips-us-east-1", "files": {"jwt": "t"},
        "environment": {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "@HOME@/jwt"}},
    "a NUL spoils its profile": {
        "files": {".aws/config": "[profile p]\noutput = js\0on\n" + STATIC}},
    "numbers have ASCII digits": {
        "files": {".aws/config": ROLE + "region = eu-west-1\nduration_seconds = \uff11\uff18\uff10\uff10\n[profile q]\n" + STATIC}},
    "a token has at most 32 KiB": {
        "files": {".aws/config": WEB, "jwt": "t" * 32769}},
    "a metadata service that refuses to give a token is asked without one": {
        "files": {".aws/config": ROLE.replace("source_profile = q", "credential_source = Ec2InstanceMetadata") +
                  "region = eu-west-1\n"}, "answers": {"imds_token": {"status": 400}}},
    "a refresh that makes no sense brings nothing": {
        "files": {".aws/config": SSO + SESSION, **REFRESHABLE}, "answers": {"oidc": {"set": {"expiresIn": " 900 "}}}},
    "credentials that end this moment have ended": {
        "files": {".aws/config": "[profile p]\ncredential_process = @HOME@/program\n", "program": PROCESS.replace(
            '"Expiration":""', '"Expiration":"' + time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW)) + '"')}},
    "an end that Identity Center writes as a text is one, and an empty one is none": {
        "files": {".aws/config": SSO + SESSION, **CACHED},
        "answers": {"sso": {"set": {"expiration": "2099-01-01T00:00:00Z"}}}},
    "what no XML of STS has is refused": {
        "files": {".aws/config": ROLE + "region = eu-west-1\n[profile q]\n" + STATIC},
        "answers": {"sts": {"body": xml(head="<!DOCTYPE x>")}}},
    "every fault of a server is passing": {
        "files": {".aws/config": ROLE + "region = eu-west-1\n[profile q]\n" + STATIC},
        "answers": {"sts": {"first": {"status": 501, "code": "X"}, "times": 1}}},
    "blanks behind the container's URI are none of it": {
        "files": {".aws/config": ROLE.replace("source_profile = q", "credential_source = EcsContainer") +
                  "region = eu-west-1\n"}, "environment": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://localhost/x "}},
    "a time is one that AWS's tools write": {
        "files": {".aws/config": "[profile p]\ncredential_process = @HOME@/program\n",
                  "program": PROCESS.replace('"Expiration":""', '"Expiration":"January 1, 2099 00:00:00 UTC"')}},
}


# More of them: (name in ARGUED, case).
MORE_EXAMPLES = [
    ("a reply is JSON that every program reads", {
        "files": {".aws/config": "[profile p]\ncredential_process = @HOME@/program\n",
                  "program": PROCESS.replace("echo", "printf '%s'").replace('"Expiration":""', '"Note":"\\ude00"')}}),
    ("an answer that names no end has none", {
        "files": {".aws/config": ROLE + "region = eu-west-1\n[profile q]\n" + STATIC},
        "answers": {"sts": {"body": xml().replace("<Expiration>2100-01-02T03:04:05Z</Expiration>", "")}}}),
    ("a time is one that AWS's tools write", {
        "files": {".aws/config": "[profile p]\ncredential_process = @HOME@/program\n",
                  "program": PROCESS.replace('"Expiration":""', '"Expiration":"01 Jan 70 00:00:00 UTC"')}}),
    ("sts_regional_endpoints matters to STS only", {
        "files": {".aws/config": SSO + "region = eu-west-1\n" + SESSION, **CACHED},
        "environment": {"AWS_STS_REGIONAL_ENDPOINTS": "LEGACY"}}),
    *((reason, {"files": {".aws/config": ROLE + "region = eu-west-1\n[profile q]\n" + STATIC}, "environment": {name: "x"}})
      for reason, name in (("how long is waited is the contract's", "AWS_RETRY_MODE"),
                           ("how long is waited is the contract's", "AWS_DEFAULTS_MODE"),
                           ("settings of botocore's clients say nothing", "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT"),
                           ("settings of botocore's clients say nothing", "AWS_ACCOUNT_ID_ENDPOINT_MODE"),
                           ("settings of botocore's clients say nothing", "AWS_REQUEST_CHECKSUM_CALCULATION"),
                           ("settings of botocore's clients say nothing", "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES"))),
    ("keys go in clear text to this host only", {
        "files": {".aws/config": ROLE.replace("source_profile = q", "credential_source = EcsContainer") +
                  "region = eu-west-1\n"}, "environment": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "//localhost/x"}}),
    *(("a refresh that makes no sense brings nothing", {
        "files": {".aws/config": SSO + SESSION, **REFRESHABLE}, "answers": {"oidc": answer}})
      for answer in ({"set": {"expiresIn": "1_000"}}, {"set": {"refreshToken": 5}}, {"set": {"accessToken": "a b"}},
                     {"body": "null"})),
    ("keys and tokens are texts, and not empty", {
        "files": {".aws/config": "[profile p]\ncredential_process = @HOME@/program\n",
                  "program": PROCESS.replace('"Expiration":""', '"SessionToken":[]')}}),
    *(("what no XML of STS has is refused", {
        "files": {".aws/config": ROLE + "region = eu-west-1\n[profile q]\n" + STATIC}, "answers": {"sts": {"body": body}}})
      for body in (xml(" to "), xml(""), xml(ends="4_102_542_245"))),
]


# What differed once, made as small as it gets: now nothing does.
FOUND = {
    "an empty sso_region beside an endpoint (seed 20884)": {
        "files": {".aws/config": SSO + "endpoint_url = https://sso.example\n"
                  "[sso-session c]\nsso_start_url = https://c\nsso_region =\n", **CACHED}},
    "a region that is none but is called so": {
        "files": {".aws/config": ROLE + "region = aws-global\n[profile q]\n" + STATIC}},
    "the same at an endpoint": {
        "files": {".aws/config": ROLE + "region = aws-global\nendpoint_url = https://sts.example\n[profile q]\n" +
                  STATIC}},
    "a web identity has no duration (seed 94491)": {
        "files": {".aws/config": WEB + "duration_seconds = -1\n", "jwt": "token"}},
    "a program sees our variables": {
        "files": {".aws/config": "[profile p]\ncredential_process = @HOME@/program\n",
                  "program": PROCESS.replace('"s"', '"\'$AWS_REGION\'"').replace(',"Expiration":""', "")},
        "environment": {"AWS_REGION": "eu-west-1"}},
    "the same of a partition": {
        "files": {".aws/config": ROLE + "region = aws-iso-global\n[profile q]\n" + STATIC}},
    "a scheme in capitals": {
        "files": {".aws/config": ROLE + "region = eu-west-1\nendpoint_url = HTTPS://sts.example\n[profile q]\n" +
                  STATIC}},
    "a time with single digits": {
        "files": {".aws/config": "[profile p]\ncredential_process = @HOME@/program\n",
                  "program": PROCESS.replace('"Expiration":""', '"Expiration":"2099-1-1T0:0:0Z"')}},
    "a path of an endpoint": {
        "files": {".aws/config": ROLE + "region = eu-west-1\nendpoint_url = https://vpce.example/path\n[profile q]\n" +
                  STATIC}, "of_api": True},
    "a token of 20,000 characters, as many as STS takes": {
        "files": {".aws/config": WEB, "jwt": "t" * 20000}},
    "authorities of REQUESTS_CA_BUNDLE": {
        "files": {".aws/config": ROLE + "region = eu-west-1\n[profile q]\n" + STATIC},
        "environment": {"REQUESTS_CA_BUNDLE": "/ca.pem"}},
    "a switch with blanks is none": {
        "files": {".aws/config": ROLE + "region = eu-west-1\n[profile q]\n" + STATIC},
        "environment": {"AWS_USE_FIPS_ENDPOINT": "true "}},
    "a region that belongs to no partition": {
        "files": {".aws/config": ROLE + "region = cn-x\n[profile q]\n" + STATIC}},
    "twenty roles": {"files": {".aws/config": "[profile p]\nregion = eu-west-1\n" + "".join(
        f"role_arn = arn:aws:iam::123456789012:role/r{n}\nsource_profile = q{n}\n[profile q{n}]\n" for n in range(20)) + STATIC}},
    "a duration of twenty digits": {
        "files": {".aws/config": ROLE + "region = eu-west-1\nduration_seconds = 99999999999999999999\n[profile q]\n" + STATIC}},
    "an empty token beside the older name": {
        "files": {".aws/credentials": "[p]\n" + STATIC + "aws_session_token =\naws_security_token = t\n"}},
    "a time of date(1)": {
        "files": {".aws/config": "[profile p]\ncredential_process = @HOME@/program\n",
                  "program": PROCESS.replace('"Expiration":""', '"Expiration":"Thu Jan  1 00:00:00 UTC 2099"')}},
    "a time of fourteen digits": {
        "files": {".aws/config": "[profile p]\ncredential_process = @HOME@/program\n",
                  "program": PROCESS.replace('"Expiration":""', '"Expiration":"20990101000000Z"')}},
    "a log-in whose length is a text": {
        "files": {".aws/config": SSO + "region = eu-west-1\n[sso-session c]\nsso_start_url = https://c\n"
                  "sso_region = eu-west-1\n", LOG_IN: json.dumps({
                      "accessToken": "cached", "refreshToken": "again", "clientId": "c", "clientSecret": "s",
                      "registrationExpiresAt": "2099-01-01T00:00:00Z", "expiresAt": SOON})},
        "answers": {"oidc": {"set": {"expiresIn": "3600"}}}},
    "an end of a role that is a text": {
        "files": {".aws/config": SSO + "region = eu-west-1\n[sso-session c]\nsso_start_url = https://c\n"
                  "sso_region = eu-west-1\n", **CACHED}, "answers": {"sso": {"set": {"expiration": "4102542245000"}}}},
    "numbered characters, a section and names in XML": {
        "files": {".aws/config": ROLE + "region = eu-west-1\n[profile q]\n" + STATIC},
        "answers": {"sts": {"body": xml("a&#43;<![CDATA[b/]]>", "4102542245", "\ufeff").replace(
            "<SessionToken>", '<SessionToken a="1>2">')}}},
    "STS throttles, once": {
        "files": {".aws/config": ROLE + "region = eu-west-1\n[profile q]\n" + STATIC},
        "answers": {"sts": {"first": {"status": 400, "code": "Throttling"}, "times": 1}}},
    **{f"STS throttles, once, by {code}": {
        "files": {".aws/config": ROLE + "region = eu-west-1\n[profile q]\n" + STATIC},
        "answers": {"sts": {"first": {"status": 400, "code": code}, "times": 1}}}
       for code in ("ProvisionedThroughputExceededException", "BandwidthLimitExceeded",
                    "TransactionInProgressException")},
    "a duration of more digits than Python's int() takes": {
        "files": {".aws/config": ROLE + f"region = eu-west-1\nduration_seconds = {'9' * 4301}\n[profile q]\n" + STATIC}},
    "a duration of as many as it takes": {
        "files": {".aws/config": ROLE + f"region = eu-west-1\nduration_seconds = {'9' * 4300}\n[profile q]\n" + STATIC}},
    "a Kelvin sign in a key": {
        "files": {".aws/config": "[profile p]\nregion = eu-west-1\n" + STATIC.replace("access_key_id", "access_\u212aey_id")}},
    "a blank before the container's URI": {
        "files": {".aws/config": ROLE.replace("source_profile = q", "credential_source = EcsContainer") +
                  "region = eu-west-1\n"},
        "environment": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": " http://localhost/x"}},
    "a code of the metadata service beside all keys": {
        "files": {".aws/config": ROLE.replace("source_profile = q", "credential_source = Ec2InstanceMetadata") +
                  "region = eu-west-1\n"}, "answers": {"imds_keys": {"set": {"Code": "success"}}}},
    "STS answers with another status of success": {
        "files": {".aws/config": ROLE + "region = eu-west-1\n[profile q]\n" + STATIC},
        "answers": {"sts": {"status": 201, "body": xml()}}},
    "Identity Center does": {
        "files": {".aws/config": SSO + SESSION, **CACHED},
        "answers": {"sso": {"status": 203, "body": json.dumps({"roleCredentials": {
            "accessKeyId": "A", "secretAccessKey": "s", "sessionToken": "t", "expiration": 4102542245000}})}}},
    "its token service does": {
        "files": {".aws/config": SSO + SESSION, **REFRESHABLE},
        "answers": {"oidc": {"status": 202, "body": '{"accessToken": "fresh", "expiresIn": 3600, "refreshToken": "n"}'}}},
    "unusual blanks and line ends in a service": {
        "files": {".aws/config": ROLE + "region = eu-west-1\nservices = m\n[services m]\nsts =\n  a = 1\u2028"
                  "endpoint_url\u00a0=\u00a0https://s.example\n[profile q]\n" + STATIC}},
    # What is not looked at may begin below its key.
    "a program below its key, beside a role": {
        "files": {".aws/config": ROLE + "region = eu-west-1\ncredential_process =\n  a = b\n[profile q]\n" + STATIC}},
    "an external id below its key, beside keys": {
        "files": {".aws/config": "[profile p]\nregion = eu-west-1\nexternal_id =\n  a = b\n" + STATIC}},
    "a role below its key, beside the keys of a source": {
        "files": {".aws/config": ROLE + "region = eu-west-1\n[profile q]\nrole_arn =\n  a = b\n" + STATIC}},
    "a log-in's start URL below its key, beside a token": {
        "files": {".aws/config": WEB + "sso_start_url =\n  a = b\n", "jwt": "token"}},
    "the name of a role's session below its key, in a log-in": {
        "files": {".aws/config": SSO + "region = eu-west-1\nrole_session_name =\n  a = b\n[sso-session c]\n"
                  "sso_start_url = https://c\nsso_region = eu-west-1\n", **CACHED}},
}


# Once ours took what botocore refuses.
REFUSED = {
    "a status of STS above those of success": {
        "files": {".aws/config": ROLE + "region = eu-west-1\n[profile q]\n" + STATIC},
        "answers": {"sts": {"status": 300, "body": xml()}}},
    "another status of success of the metadata service": {
        "files": {".aws/config": ROLE.replace("source_profile = q", "credential_source = Ec2InstanceMetadata") +
                  "region = eu-west-1\n"}, "answers": {"imds_keys": {"status": 203, "body": IMDS}}},
    "another status of success of a container": {
        "files": {".aws/config": ROLE.replace("source_profile = q", "credential_source = EcsContainer") +
                  "region = eu-west-1\n"}, "answers": {"container": {"status": 203, "body": IMDS}},
        "environment": {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}},
    "another status of success of STS for efs-utils": {
        "profile": None, "files": {"jwt": "t"}, "answers": {"sts": {"status": 201, "body": json.dumps(
            {"AssumeRoleWithWebIdentityResponse": {"AssumeRoleWithWebIdentityResult": {"Credentials": {
                "AccessKeyId": "A", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": 4102542245}}}})},
            "imds_role": {"status": 404}},
        "environment": {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "@HOME@/jwt"}},
    "a region of digits": {"files": {".aws/config": ROLE + "region = 123\n[profile q]\n" + STATIC}},
    "a host that is none": {
        "files": {".aws/config": ROLE + "region = eu-west-1\nendpoint_url = https://a_b.example\n[profile q]\n" + STATIC}},
    "[DEFAULT] as a profile": {"profile": "DEFAULT", "files": {".aws/config": "[DEFAULT]\n" + STATIC}},
    "a NUL behind what a program prints": {
        "files": {".aws/config": "[profile p]\ncredential_process = @HOME@/program\n",
                  "program": "#!/bin/sh\nprintf '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\"}\\0'\n"}},
    "a service without lines (seed 4163)": {
        "files": {".aws/config": "[services mine]\nsts = https://sts.mine.example\n" + ROLE +
                  "region = eu-west-1\nservices = mine\n[profile q]\n" + STATIC}},
    "an end of two digits is in the past": {
        "files": {".aws/config": "[profile p]\ncredential_process = @HOME@/program\n",
                  "program": PROCESS.replace('"Expiration":""', '"Expiration":"Thursday, 01-Jan-99 00:00:00 GMT"')}},
    # What begins below its key is settings of their own for botocore, and for nobody the name of a role.
    "a role's name below its key (seed 57630)": {
        "files": {".aws/config": SSO.replace("name = r", "name =\n  r") +
                  "[sso-session c]\nsso_start_url = https://c\nsso_region = eu-west-1\n", **CACHED}},
    "a log-in's region below its key": {
        "files": {".aws/config": SSO + "[sso-session c]\nsso_start_url = https://c\nsso_region =\n  eu-west-1\n",
                  **CACHED}},
    "the name of a role's session below its key": {
        "files": {".aws/config": ROLE + "role_session_name =\n  a=b\nregion = eu-west-1\n[profile q]\n" + STATIC}},
    "an external id below its key": {
        "files": {".aws/config": ROLE + "external_id =\n  a=b\nregion = eu-west-1\n[profile q]\n" + STATIC}},
    "a program below its key": {
        "files": {".aws/config": "[profile p]\ncredential_process =\n  @HOME@/program --x=y\n",
                  "program": PROCESS.replace(',"Expiration":""', "")}},
    "a duration below its key": {
        "files": {".aws/config": ROLE + "duration_seconds =\n  a=b\nregion = eu-west-1\n[profile q]\n" + STATIC}},
    "a source below its key": {
        "files": {".aws/config": "[profile p]\nrole_arn = arn:aws:iam::123456789012:role/r\nregion = eu-west-1\n"
                  "credential_source =\n  a=b\n"}},
    "a token's file below its key": {
        "files": {".aws/config": WEB.replace("file = ", "file =\n  a=b"), "jwt": "token"}},
    "the name of a token's session below its key": {
        "files": {".aws/config": WEB + "role_session_name =\n  a=b\n", "jwt": "token"}},
    "the log-in of a profile below its key": {
        "files": {".aws/config": SSO.replace("session = c", "session =\n  a=b") + "sso_start_url = https://c\n"
                  "sso_region = eu-west-1\n", **CACHED}},
    "a profile's start URL below its key": {
        "files": {".aws/config": "[profile p]\nsso_start_url =\n  a=b\nsso_region = eu-west-1\nsso_account_id = 1\n"
                  "sso_role_name = r\n"}},
}
