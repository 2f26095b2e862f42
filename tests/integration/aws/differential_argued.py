"""The differences that are meant: where identity is safer our way, or the contract's (CRED-1 to CRED-10)
wins over botocore's chain. Each has an example, which the test runs."""
import configparser
import hashlib
import io
import json
import re
import time

ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_EC2_METADATA_SERVICE_ENDPOINT",
             "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "AWS_IMDS_USE_IPV6", "AWS_USE_DUALSTACK_ENDPOINT",
             "AWS_CA_BUNDLE")

# botocore's, of a profile as a whole.
MISTAKES = ("ProfileNotFound", "ConfigParseError", "InvalidConfigError", "InvalidDefaultsMode",
            "InvalidSTSRegionalEndpointsConfigError", "InvalidRetryModeError", "ValueError")
EMPTY_KEY = re.compile(r"(?m)^[\w ]+[=:][^\S\n]*$")
ENDS_ON_EMPTY = re.compile(r"both source_profile and credential_source|resolved to an empty|"
                           r"value: 0, valid min|MFA code|provided to \"mode\": \"\"")


def by_efs_utils(theirs):
    """No profile: efs-utils' own code, without botocore."""
    return "failed" in theirs


def is_broken(case):
    """ConfigParser refuses one of the files."""
    for name in (".aws/config", ".aws/credentials"):
        try:
            configparser.RawConfigParser().read_file(io.StringIO(case["files"].get(name, ""), newline=None))
        except configparser.Error:
            return True
    return False


# name -> (why, whether it explains what differs in one aspect: result, requests, log-in or api)
ARGUED = {
    "a named profile is final (CRED-3)": (
        "botocore goes on to the container's or the instance's role when a profile gives nothing: that "
        "is another identity", lambda aspect, case, mine, theirs:
        "error" in mine and theirs.get("method") in ("container-role", "iam-role")),
    "a broken section ends only what needs it": (
        "botocore refuses the whole file, efs-utils' own steps take it for an empty one", lambda aspect, case, mine, theirs:
        theirs.get("error") in ("ConfigParseError", "MissingSectionHeaderError") and "keys" in mine or
        is_broken(case) and (by_efs_utils(theirs) or "keys" in mine)),
    "nothing is signed with an empty key": (
        "botocore signs with it, and AWS refuses", lambda aspect, case, mine, theirs:
        "error" in mine and "key id is empty" in mine["text"] or
        "error" in mine and "access key is empty" in mine["text"]),
    "nothing is signed with values that no header can carry": (
        "AWS refuses them, and says less", lambda aspect, case, mine, theirs:
        "error" in mine and any(text in mine["text"] for text in
                                ("cannot be part of it", "not the ARN of a role"))),
    "a session that is not there matters to a log-in only": (
        "botocore asks for it in every client it makes", lambda aspect, case, mine, theirs:
        theirs.get("error") == "InvalidConfigError" and "SSO token provider" in theirs["text"] and
        "keys" in mine),
    "sts_regional_endpoints matters to STS only": (
        "botocore judges it for every client", lambda aspect, case, mine, theirs:
        theirs.get("error") == "InvalidSTSRegionalEndpointsConfigError" and "keys" in mine and
        "Action=" not in json.dumps(mine["requests"])),
    "an empty Expiration is none": (
        "botocore cannot parse it", lambda aspect, case, mine, theirs:
        theirs.get("error") == "ParserError" and "keys" in mine),
    "the mount's region serves where nothing names one": (
        "botocore has none for STS then", lambda aspect, case, mine, theirs:
        "keys" in mine and (
            theirs.get("error") == "NoRegionError" or "Invalid endpoint: https://sts" in str(theirs.get("text")) or
            bool(re.search(r"Credential=[^,]*//sts/", json.dumps(theirs["requests"]))))),
    "how long is waited is the contract's": (
        "botocore ends where a profile's timeouts, numbers of attempts and modes make no sense",
        lambda aspect, case, mine, theirs: "keys" in mine and (
            re.search(r"invalid literal for int\(\)|defaults mode|Invalid value provided to \"mode\"",
                      str(theirs.get("text"))) is not None)),
    "a dual-stack name is asked for in every partition": (
        "botocore does not model it in some, where it need not stay so", lambda aspect, case, mine, theirs:
        "EndpointVariantError" in (theirs.get("error"), theirs["api"].get("error")) and "keys" in mine),
    "an API is asked although something in the profile is wrong": (
        "DescribeMountTargets needs an address only; the mount itself is refused where the rest is needed",
        lambda aspect, case, mine, theirs:
        aspect == "api" and isinstance(mine["api"], list) and theirs["api"].get("error") in MISTAKES),
    "AWS_DEFAULT_PROFILE is not read": (
        "efs-utils does not, only botocore in its calls of APIs (a warning tells)",
        lambda aspect, case, mine, theirs:
        aspect == "api" and not case["profile"] and "AWS_DEFAULT_PROFILE" in case["environment"]),
    "a source that is configured and fails ends the mount": (
        "efs-utils takes the next one, another identity (credential_fallthrough = true does, too)",
        lambda aspect, case, mine, theirs: "error" in mine and bool(theirs.get("failed"))),
    "a broken [default] ends the mount": (
        "it might be meant to sign; efs-utils takes the next source", lambda aspect, case, mine, theirs:
        "error" in mine and ": line " in mine["text"] and "default" in (case["profile"] or "default") and
        is_broken(case)),
    "a mode of the metadata service that is none is IPv4": (
        "botocore ends, also where nobody asks the service", lambda aspect, case, mine, theirs:
        theirs.get("error") == "InvalidIMDSEndpointModeError" and "keys" in mine),
    "a refresh that brings nothing leaves a log-in that has not ended": (
        "botocore breaks", lambda aspect, case, mine, theirs:
        theirs.get("text") in ("'accessToken'", "'expiresIn'") and "keys" in mine),
    "only what belongs to a log-in may not contradict its session": (
        "botocore compares every key, the region of [DEFAULT] too", lambda aspect, case, mine, theirs:
        "is inconsistent between profile" in str(theirs.get("text")) and "keys" in mine and
        "value for sso_" not in theirs["text"]),
    "an endpoint with blanks in it is none": (
        "botocore sends them", lambda aspect, case, mine, theirs:
        "is not an http or https URL" in (mine["api"].get("error", "") if aspect == "api" and
                                          isinstance(mine["api"], dict) else mine["text"])),
    "a [default] that asks for a role, a program or a log-in comes before the instance's role": (
        "efs-utils does not see it and takes another identity than the AWS CLI would",
        lambda aspect, case, mine, theirs: by_efs_utils(theirs) and aspect != "api" and (
            mine.get("method") == "named_profile:default" or "[default] without access keys: " in mine["text"])),
    "an empty key of a profile says nothing": (
        "botocore ends on some that are empty", lambda aspect, case, mine, theirs:
        aspect == "result" and "keys" in mine and EMPTY_KEY.search(case["files"].get(".aws/config", "") + "\n" +
                                                                  case["files"].get(".aws/credentials", "")) and
        ENDS_ON_EMPTY.search(str(theirs.get("text"))) is not None),
    "a services section without keys says nothing": (
        "botocore takes it for one that is not there", lambda aspect, case, mine, theirs:
        "services configuration does not exist" in str(theirs.get("text")) and "keys" in mine),
    "an empty variable is one that is not set": (
        "botocore takes it for \"no\"", lambda aspect, case, mine, theirs:
        aspect in ("requests", "api") and "" in case["environment"].values()),
    "defaults_mode does not ask the metadata service for a region": (
        "botocore does, for time-outs only", lambda aspect, case, mine, theirs:
        aspect == "requests" and re.search(r"(?im)^defaults_mode *[=:] *auto", str(case["files"].get(".aws/config"))
                                           ) is not None and '"metadata' not in json.dumps(mine["requests"])),
    "an answer that names no end has none": (
        "botocore cannot read it", lambda aspect, case, mine, theirs:
        theirs.get("error") == "KeyError" and "xpiration" in theirs["text"] and "keys" in mine),
    "AWS's variables for endpoints and authorities count for every source": (
        "efs-utils reads them in botocore only", lambda aspect, case, mine, theirs:
        aspect == "requests" and by_efs_utils(theirs) and
        any(case["environment"].get(name) for name in ENDPOINTS)),
    "who forbids the metadata service is obeyed": (
        "efs-utils does not read these variables", lambda aspect, case, mine, theirs:
        theirs.get("method") == "metadata" and "error" in mine and
        ("AWS_EC2_METADATA_DISABLED is true" in mine["text"] or "AWS_EC2_METADATA_V1_DISABLED" in mine["text"])),
    "credentials that have ended sign nothing": (
        "efs-utils does not look at the end; AWS would refuse", lambda aspect, case, mine, theirs:
        by_efs_utils(theirs) and "error" in mine and " ended at " in mine["text"]),
    "an end that nobody can read is refused": (
        "a certificate could outlive its credentials; efs-utils does not look",
        lambda aspect, case, mine, theirs:
        by_efs_utils(theirs) and "error" in mine and "is not a time" in mine["text"]),
}


STATIC = "aws_access_key_id = A\naws_secret_access_key = s\n"
ROLE = "[profile p]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = q\n"
PROCESS = ("#!/bin/sh\necho '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\","
           "\"Expiration\":\"\"}'\n")
# name in ARGUED -> the case that shows it
EXAMPLES = {
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
                  ".aws/sso/cache/" + hashlib.sha1(b"c").hexdigest() + ".json": json.dumps({
                      "accessToken": "cached", "refreshToken": "again", "clientId": "c", "clientSecret": "s",
                      "registrationExpiresAt": "2099-01-01T00:00:00Z", "expiresAt": time.strftime(
                          "%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 600))})},
        "answers": {"oidc": {"omit": ["accessToken"]}}},
    "only what belongs to a log-in may not contradict its session": {
        "files": {".aws/config": "[DEFAULT]\nregion = us-west-2\n[profile p]\nregion = eu-west-1\nsso_session = c\n"
                                 "sso_account_id = 1\nsso_role_name = r\n"
                                 "[sso-session c]\nsso_start_url = https://c\nsso_region = eu-west-1\n",
                  ".aws/sso/cache/" + hashlib.sha1(b"c").hexdigest() + ".json":
                  '{"accessToken": "cached", "expiresAt": "2099-01-01T00:00:00Z"}'}},
    "an endpoint with blanks in it is none": {
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
    "an API is asked although something in the profile is wrong": {"files": {}, "of_api": True},
    "AWS_DEFAULT_PROFILE is not read": {
        "profile": None, "of_api": True, "files": {".aws/config": "[profile q]\nuse_fips_endpoint = true\n"},
        "environment": {"AWS_DEFAULT_PROFILE": "q"}},
    "a source that is configured and fails ends the mount": {
        "profile": None, "files": {}, "answers": {"container": {"status": 404}},
        "environment": {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}},
    "a broken [default] ends the mount": {
        "profile": None, "files": {".aws/credentials": STATIC}},
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
}
