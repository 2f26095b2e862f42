"""The differences that are meant: where identity is safer our way, or the contract's (CRED-1 to CRED-10)
wins over botocore's chain. Each has an example (differential_examples.py), which the test runs."""
import json
import re
from collections import namedtuple

from differential import NOW
from differential_rarities import GUESSED
from differential_without import (
    EMPTY_GRANT, NO_JSON, ODD_DIGIT, ODD_XML, both, endpoint_urls, in_all_files, in_files, is_broken, is_odd_grant, replaces_no_grant,
    texts, with_all_ends, with_fall_through, with_plain_digits, with_plain_endpoints, with_plain_tokens, with_profile, with_region, with_texts_as_keys, without_answers, without_default,
    without_empty_grants, without_empty_variables, without_ends, without_faults, without_first_answers, without_keys, without_marks,
    without_odd_json, without_omitted_grant, without_variables)

ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_EC2_METADATA_SERVICE_ENDPOINT",
             "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "AWS_IMDS_USE_IPV6", "AWS_USE_DUALSTACK_ENDPOINT",
             "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
# Keys by which botocore waits, sends and retries.
PATIENCE = ("metadata_service_timeout", "metadata_service_num_attempts", "max_attempts", "retry_mode", "defaults_mode")
CLIENTS = ("s3", "account_id_endpoint_mode", "request_checksum_calculation", "endpoint_discovery_enabled",
           "request_min_compression_size_bytes", "user_agent_appid", "sigv4a_signing_region_set",
           "auth_scheme_preference", "login_session", "response_checksum_validation", "api_versions")
CLIENTS_TWINS = ("AWS_S3_US_EAST_1_REGIONAL_ENDPOINT", *("AWS_" + key.upper() for key in CLIENTS), "AWS_SDK_UA_APP_ID")
MAY_BE_EMPTY = ("source_profile", "credential_source", "mfa_serial", "duration_seconds", "role_session_name",
                "external_id", "ca_bundle", "sso_session", *PATIENCE)
PLAIN_URL = re.compile(r"(?i)https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d+)?(/[^\s?#@\\\x80-\U0010FFFF]*)?")
MORE_GUESSED = ["00:00:00UTC+00:00", "00:00:00+00:60", "00:00:00z+0", "00:00:00+0000 (UTC)", "GMT+00:00", "12:00 2099-01-01 UTC",
                "2099-01-01 12:00 AM UTC", "00:00:00'Z'", "\u00a0Z", "\\u00a0Z", " 70 00:00:00 UTC"]
UNUSUAL_TIME = re.compile("|".join(re.escape(time) for time in GUESSED + MORE_GUESSED))
REFUSED_CLIENT = re.compile(r"S3 us-east-1 regional|request_checksum_calculation|request_min_compression_size_bytes|account_id_endpoint_mode|"
                            r"endpoint_discovery_enabled|auth_scheme|user_agent_appid|response_checksum_validation|"
                            r"sdk_ua_app_id|AttributeError: 'str' object has no attribute 'get'")
REFUSED_PATIENCE = re.compile(r"invalid literal for int\(\)|defaults mode|Invalid value provided to \"mode\"|"
                              r"Value provided to \"max_attempts\"|reached max retries")
ENDS_ON_EMPTY = re.compile(r"both source_profile and credential_source|resolved to an empty|"
                           r"value: 0, valid min|MFA code|session does not exist: \"\"|provided to \"mode\": \"\"")

# why: for people. explains(aspect, case, mine, theirs): whether it is what differs in one aspect: result,
# requests, log-in or api. without(case): the case without what is argued about; there both must agree.
# says_nothing: ours must then be the same as with it.
Argued = namedtuple("Argued", "why explains without says_nothing", defaults=(None, False))


def by_efs_utils(theirs):
    """No profile: efs-utils' own code, without botocore."""
    return "failed" in theirs


def ours_says(*words):
    return lambda aspect, case, mine, theirs: aspect != "api" and "error" in mine and any(
        word in mine["text"] for word in words)


def their_text(aspect, theirs):
    answer = theirs["api"] if aspect == "api" else theirs
    return f"{answer.get('error', '')}: {answer.get('text', '')}"


def succeeds(aspect, mine):
    return isinstance(mine["api"], list) if aspect == "api" else "keys" in mine


def they_say(pattern):
    """botocore ends with it, ours goes on."""
    return lambda aspect, case, mine, theirs: succeeds(aspect, mine) and re.search(
        pattern, their_text(aspect, theirs)) is not None


ARGUED = {
    "a named profile is final (CRED-3)": Argued(
        "botocore goes on to the container's or the instance's role, or to files of older tools, when a profile gives "
        "nothing: that is another identity", lambda aspect, case, mine, theirs:
        theirs.get("method") in ("container-role", "iam-role", "ec2-credentials-file", "boto-config") and
        ours_says("there is no aws_access_key_id, and no role_arn", "it has no aws_access_key_id")(
            aspect, case, mine, theirs)),
    "a broken section ends only what needs it": Argued(
        "botocore refuses the whole file, efs-utils' own steps take it for an empty one",
        lambda aspect, case, mine, theirs: is_broken(case) and (
            succeeds(aspect, mine) or by_efs_utils(theirs) and "profile default: " in mine["text"]),
        without_faults, True),
    "nothing is signed with an empty key": Argued(
        "botocore signs with it, and AWS refuses", ours_says("key id is empty", "access key is empty")),
    "nothing is signed with values that no header can carry": Argued(
        "AWS refuses them, and says less", ours_says("cannot be part of it", "not the ARN of a role", "accessToken is not plain text")),
    "blanks around a token are none of it": Argued(
        "an editor's line end; botocore sends it, or ends where no header can carry it", lambda aspect, case, mine, theirs:
        (aspect == "requests" or they_say("not a legal header value")(aspect, case, mine, theirs)) and
        with_plain_tokens(case) != case, with_plain_tokens, True),
    "a token with line ends or other characters that no token has is refused": Argued(
        "it might be any file; botocore sends it", ours_says(
            "contains line ends or other characters that no token has", "jwt is empty")),
    "the container's agent is asked for a path": Argued(
        "what does not begin with \"/\" makes another host of its address",
        ours_says("(it must be the path of $AWS_CONTAINER_CREDENTIALS_RELATIVE_URI)")),
    "keys go in clear text to this host only": Argued(
        "efs-utils asks any address, botocore this host by any scheme", lambda aspect, case, mine, theirs: (
            by_efs_utils(theirs) or "@" in json.dumps(case["environment"]) or
            not re.match(r"(?i)\s*https?://", case["environment"].get("AWS_CONTAINER_CREDENTIALS_FULL_URI", ""))) and
        ours_says("to which keys must not go in clear text", "before its host")(aspect, case, mine, theirs)),
    "a byte order mark says nothing": Argued(
        "Notepad writes it; botocore ends", they_say(r"Unexpected UTF-8 BOM|KeyError: '[0-9a-f]{40}'"), without_marks, True),
    "a program writes at most 64 KiB": Argued(
        "no credentials are that long; botocore keeps whatever comes", ours_says("writes more than 65536 bytes")),
    "a reply is JSON that every program reads": Argued(
        "Python's reader knows NaN, numbers without a limit, halves of characters and any depth, too",
        lambda aspect, case, mine, theirs:
        ours_says("the reply is not a JSON object", "nested too deeply")(aspect, case, mine, theirs) and
        re.search(NO_JSON, "".join(case["files"].values())) is not None, without_odd_json),
    "keys and tokens are texts, and not empty": Argued(
        "botocore signs with what a program or a service gives for them", lambda aspect, case, mine, theirs:
        aspect != "api" and "error" in mine, with_texts_as_keys),
    "a metadata token that is none is not sent": Argued(
        "botocore sends it, and the service refuses", lambda aspect, case, mine, theirs:
        aspect == "requests" and "body" in case["answers"].get("imds_token", {}), without_answers("imds_token")),
    "what is no name of a role is none": Argued(
        "somebody else answers where the metadata service should", ours_says("the answer is not the name of a role"),
        without_answers("imds_role")),
    "an end that the metadata service writes oddly spoils no keys": Argued(
        "botocore breaks; the certificate is renewed every hour anyway", they_say("^(TypeError|ParserError)"),
        without_answers("imds_keys")),
    "an end in seconds is one": Argued(
        "botocore breaks on numbers and on null", they_say("TypeError: Parser must be a string"),
        without_answers("container")),
    "a region with FIPS is the one that it names, for every source": Argued(
        "efs-utils asks a host that is not there", lambda aspect, case, mine, theirs:
        aspect == "requests" and by_efs_utils(theirs) and "fips" in case["region"],
        lambda case: dict(case, region=re.sub("fips-|-fips", "", case["region"]))),
    "a NUL spoils its profile": Argued(
        "the name of a file or of a program would end there", ours_says("contains a NUL byte"), in_all_files("\0", "")),
    "numbers have ASCII digits": Argued(
        "Python reads those of every alphabet", lambda aspect, case, mine, theirs:
        aspect in ("result", "requests") and re.search(ODD_DIGIT, "".join(case["files"].values())) is not None,
        with_plain_digits),
    "a token has at most 32 KiB": Argued(
        "STS takes 20,000 characters; the file may be any", ours_says("longer than 32768 bytes")),
    "a metadata service that refuses to give a token is asked without one": Argued(
        "as efs-utils does; botocore does not where the status is 400", lambda aspect, case, mine, theirs:
        they_say("from Ec2InstanceMetadata: No credentials found")(aspect, case, mine, theirs) and
        case["answers"].get("imds_token", {}).get("status") == 400, without_answers("imds_token")),
    "a refresh that makes no sense brings nothing": Argued(
        "no token service writes such tokens and numbers; botocore sends them, keeps them or breaks",
        lambda aspect, case, mine, theirs: aspect != "api" and is_odd_grant(case["answers"].get("oidc", {})),
        without_answers("oidc")),
    "credentials that end this moment have ended": Argued(
        "botocore would send them a moment too late", lambda aspect, case, mine, theirs:
        ours_says(" ended at ")(aspect, case, mine, theirs) and theirs.get("expiration") == NOW),
    "an end that Identity Center writes as a text is one, and an empty one is none": Argued(
        "botocore reads a number only", they_say(r"invalid literal for int\(\) with base 10: '(\d{4}-|')"),
        without_answers("sso")),
    "what no XML of STS has is refused": Argued(
        "it is somebody else's; botocore reads it, and signs with what is there", lambda aspect, case, mine, theirs:
        aspect == "result" and re.search(ODD_XML, case["answers"].get("sts", {}).get("body", "")) is not None,
        without_answers("sts")),
    "every fault of a server is passing": Argued(
        "botocore asks again after 500, 502, 503 and 504 only", lambda aspect, case, mine, theirs:
        they_say("ClientError")(aspect, case, mine, theirs) and any(
            change.get("first", {}).get("status", 0) > 500 for change in case["answers"].values()), without_first_answers),
    "blanks behind the container's URI are none of it": Argued(
        "botocore and efs-utils ask for them, too", lambda aspect, case, mine, theirs:
        aspect == "requests" and case["environment"].get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "").endswith((" ", "\t")),
        lambda case: dict(case, environment={name: value.rstrip() for name, value in case["environment"].items()}), True),
    "a program runs in /, at the mount as at a renewal": Argued(
        "botocore runs it where it runs itself; a renewal has no such folder, and the same program must give the same keys",
        lambda aspect, case, mine, theirs: aspect == "result" and "keys" in mine and "$(pwd)" in "".join(case["files"].values()),
        in_files(r"\$\(pwd\)", "")),
    "a service that throttles is asked again by every source": Argued(
        "efs-utils takes the next source, another identity; botocore asks again, too", lambda aspect, case, mine, theirs:
        by_efs_utils(theirs) and aspect != "api" and any("first" in change for change in case["answers"].values()),
        without_first_answers),
    "SSL_CERT_FILE names the authorities for every source": Argued(
        "of efs-utils only its own calls obey it", lambda aspect, case, mine, theirs:
        aspect in ("requests", "api") and bool(case["environment"].get("SSL_CERT_FILE")), without_variables("SSL_CERT_FILE")),
    "the URL and the region of a log-in may stand in the profile": Argued(
        "botocore looks for them in the session only", they_say("configured to use the SSO token provider but")),
    "a refresh token that is not replaced stays": Argued(
        "RFC 6749, 6; botocore drops it, and with it the log-in", lambda aspect, case, mine, theirs:
        aspect == "log-in" and replaces_no_grant(case["answers"].get("oidc", {})), without_omitted_grant),
    "an empty refresh token or client refreshes nothing": Argued(
        "botocore sends it, and AWS refuses", lambda aspect, case, mine, theirs:
        aspect != "api" and re.search(EMPTY_GRANT, "".join(case["files"].values())) is not None, without_empty_grants, True),
    "a log-in with a token that is empty or no text is none": Argued(
        "botocore sends it, and AWS refuses", lambda aspect, case, mine, theirs:
        ours_says("the reply has no accessToken")(aspect, case, mine, theirs) and
        re.search(r'"accessToken": (""|null|5|\["x"\])', "".join(case["files"].values())) is not None),
    "a session that is not there matters to a log-in only": Argued(
        "botocore asks for it in every client it makes", they_say("InvalidConfigError.*SSO token provider"),
        without_keys("sso_session"), True),
    "sts_regional_endpoints matters to STS only": Argued(
        "botocore judges it for every client", they_say("InvalidSTSRegionalEndpointsConfigError"),
        both(without_keys("sts_regional_endpoints"), without_variables("AWS_STS_REGIONAL_ENDPOINTS")), True),
    "an empty Expiration is none": Argued(
        "botocore cannot parse it", they_say("ParserError: String does not contain a date: $")),
    "the mount's region serves where nothing names one": Argued(
        "botocore has none for STS then", lambda aspect, case, mine, theirs:
        aspect != "api" and "keys" in mine and (
            theirs.get("error") == "NoRegionError" or "Invalid endpoint: https://sts" in str(theirs.get("text")) or
            bool(re.search(r"Credential=[^,]*//sts/", json.dumps(theirs["requests"])))), with_region),
    "how long is waited is the contract's": Argued(
        "botocore ends where a profile's timeouts, numbers of attempts and modes make no sense",
        they_say(REFUSED_PATIENCE.pattern), both(without_keys(*PATIENCE), without_variables(
            "AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE", "AWS_DEFAULTS_MODE")), True),
    "settings of botocore's clients say nothing": Argued(
        "they are about what EFS does not use; botocore ends where they make no sense",
        they_say(REFUSED_CLIENT.pattern), both(without_keys(*CLIENTS), without_variables(*CLIENTS_TWINS)), True),
    "a dual-stack name is asked for in every partition": Argued(
        "botocore does not model it in some, where it need not stay so", they_say("EndpointVariantError"),
        both(without_keys("use_dualstack_endpoint"), without_variables("AWS_USE_DUALSTACK_ENDPOINT"))),
    "an API is asked although there is no such profile": Argued(
        "DescribeMountTargets needs an address only; the mount itself is refused", lambda aspect, case, mine, theirs:
        aspect == "api" and they_say("^ProfileNotFound")(aspect, case, mine, theirs),
        with_profile, True),
    "AWS_DEFAULT_PROFILE is not read": Argued(
        "efs-utils does not, only botocore in its calls of APIs (a warning tells)",
        lambda aspect, case, mine, theirs:
        aspect == "api" and not case["profile"] and "AWS_DEFAULT_PROFILE" in case["environment"],
        without_variables("AWS_DEFAULT_PROFILE"), True),
    "a source that is configured and fails ends the mount": Argued(
        "efs-utils takes the next one, another identity (credential_fallthrough = true does, too)",
        lambda aspect, case, mine, theirs: aspect != "api" and "error" in mine and bool(theirs.get("failed")),
        with_fall_through),
    "a broken [default] ends the mount": Argued(
        "it might be meant to sign; efs-utils takes the next source", lambda aspect, case, mine, theirs:
        aspect != "api" and "error" in mine and ": line " in mine["text"] and
        "default" in (case["profile"] or "default") and is_broken(case), without_faults),
    "a mode of the metadata service that is none is IPv4": Argued(
        "botocore ends, also where nobody asks the service", they_say("^InvalidIMDSEndpointModeError"),
        both(without_keys("ec2_metadata_service_endpoint_mode"),
             without_variables("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"))),
    "a refresh that brings nothing leaves a log-in that has not ended": Argued(
        "botocore breaks", they_say(
            r"KeyError: '(accessToken|expiresIn|registrationExpiresAt)'|Invalid type for parameter (client|refresh)|"
            r"Invalid endpoint: https://oidc|^TypeError: (Parser must|can't subtract)|^ParserError|ended and|"
            r"Token has expired and refresh failed|ResponseParserError|^OverflowError")),
    "only what belongs to a log-in may not contradict its session": Argued(
        "botocore compares every key, the region of [DEFAULT] too", lambda aspect, case, mine, theirs:
        "is inconsistent between profile" in str(theirs.get("text")) and "keys" in mine and
        re.search("value for sso_(start_url|region|account_id|role_name)", theirs["text"]) is None),
    "an endpoint is an http or https URL, without blanks, user or query": Argued(
        "botocore takes what no request can go to, or shows a password to whoever reads its log",
        lambda aspect, case, mine, theirs: any(not PLAIN_URL.fullmatch(url) for url in endpoint_urls(case)),
        with_plain_endpoints),
    "an endpoint of the metadata service matters to who asks it": Argued(
        "botocore judges it for every profile", they_say("^ValueError: Invalid IPv6 URL|^InvalidIMDSEndpointError"),
        both(without_keys("ec2_metadata_service_endpoint"), without_variables("AWS_EC2_METADATA_SERVICE_ENDPOINT"))),
    "what a name or an id may be is for STS to say": Argued(
        "botocore knows some of its rules", they_say("^ParamValidationError.*\\n?.*Invalid (length|type) for parameter (Role|Ext|Dur|Web)")),
    "a time is one that AWS's tools write": Argued(
        "botocore guesses, also what is day and what is month", lambda aspect, case, mine, theirs:
        ours_says("is not a time", "that ended at 19")(aspect, case, mine, theirs) and UNUSUAL_TIME.search(
            json.dumps([case["files"], case["environment"]])) is not None),
    "a [default] that asks for a role, a program or a log-in comes before the instance's role": Argued(
        "efs-utils does not see it and takes another identity than the AWS CLI would",
        lambda aspect, case, mine, theirs: by_efs_utils(theirs) and aspect != "api" and (
            mine.get("method") == "named_profile:default" or "[default] without access keys: " in mine["text"]),
        without_default),
    "an empty key of a profile says nothing": Argued(
        "botocore ends on some that are empty", lambda aspect, case, mine, theirs:
        they_say(ENDS_ON_EMPTY.pattern)(aspect, case, mine, theirs),
        without_keys(*MAY_BE_EMPTY, value=""), True),
    "a services section without keys says nothing": Argued(
        "botocore takes it for one that is not there", they_say("services configuration does not exist"),
        without_keys("services"), True),
    "an empty variable is one that is not set": Argued(
        "botocore takes it for \"no\", or for a file without a name; a shell cannot take a variable back from sudo",
        lambda aspect, case, mine, theirs: "" in case["environment"].values(), without_empty_variables, True),
    "defaults_mode does not ask the metadata service for a region": Argued(
        "botocore does, for time-outs only", lambda aspect, case, mine, theirs:
        aspect == "requests" and re.search(r"(?im)^\s*defaults_mode\s*[=:]\s*auto", texts(case)) is not None,
        without_keys("defaults_mode"), True),
    "an answer that names no end has none": Argued(
        "botocore cannot read it", they_say(r"KeyError: '[Ee]xpiration'|from Ec2InstanceMetadata: No credentials found"),
        with_all_ends, True),
    "AWS's variables for endpoints and authorities count for every source": Argued(
        "efs-utils reads them in botocore only", lambda aspect, case, mine, theirs:
        aspect == "requests" and by_efs_utils(theirs) and
        any(case["environment"].get(name) for name in ENDPOINTS), without_variables(*ENDPOINTS)),
    "STS of aws-global is the global one": Argued(
        "efs-utils asks sts.aws-global.amazonaws.com, which is not there", lambda aspect, case, mine, theirs:
        aspect == "requests" and by_efs_utils(theirs) and case["region"] == "aws-global",
        lambda case: dict(case, region="us-east-1")),
    "who forbids the metadata service is obeyed": Argued(
        "efs-utils does not read these variables", lambda aspect, case, mine, theirs:
        aspect != "api" and theirs.get("method") == "metadata" and "error" in mine and
        ("AWS_EC2_METADATA_DISABLED is true" in mine["text"] or "AWS_EC2_METADATA_V1_DISABLED" in mine["text"]),
        without_variables("AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_V1_DISABLED")),
    "credentials that have ended sign nothing": Argued(
        "efs-utils does not look at the end; AWS would refuse", lambda aspect, case, mine, theirs:
        by_efs_utils(theirs) and ours_says(" ended at ")(aspect, case, mine, theirs), without_ends),
    "an end that nobody can read is refused": Argued(
        "a certificate could outlive its credentials; efs-utils does not look", lambda aspect, case, mine, theirs:
        by_efs_utils(theirs) and ours_says("is not a time")(aspect, case, mine, theirs), without_ends),
}
