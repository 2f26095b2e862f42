"""What AWS's services say to the homes of differential_cases.py, as tests/tools/played_network.h has
it: mostly what they should."""

NOW_AND_THEN = 0.06


def sts_error(pick):
    return pick.choice([
        {"status": 403, "code": "AccessDenied"}, {"status": 400, "code": "ExpiredTokenException"},
        {"status": 400, "code": "ValidationError"}, {"status": 500, "code": "InternalFailure"},
        {"status": 403, "code": "InvalidClientTokenId"}, {"status": 503, "code": "Throttling"}])


def document_change(pick, names, times):
    key, secret, token, ends = names
    return pick.choice([
        {"omit": [key]}, {"omit": [secret]}, {"omit": [token]}, {"omit": [ends]},
        {"set": {key: "ASIAOTHER"}}, {"set": {token: "other/+=token"}},
        {"set": {ends: pick.choice(times)}}, {"set": {ends: pick.choice(times)}},
        {"set": {"AccountId": "123456789012", "Type": "AWS-HMAC", "Code": "Success"}}])


PLAIN = ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")


def answers_for(pick, times):
    """{endpoint: change}; empty where all is well."""
    answers = {}

    def sometimes(endpoint, *choices):
        if pick.random() < NOW_AND_THEN:
            answers[endpoint] = pick.choice(choices)()

    whole = [text for text in times if text]
    sometimes("sts", lambda: sts_error(pick), lambda: document_change(
        pick, ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"), whole))
    sometimes("sso", lambda: pick.choice([
        {"status": 401, "code": "UnauthorizedException"}, {"status": 403, "code": "ForbiddenException"},
        {"status": 429, "code": "TooManyRequestsException"}]), lambda: pick.choice([
            {"set": {"accessKeyId": "ASIASSO"}}, {"set": {"expiration": 1000}},
            {"set": {"expiration": 4102542245999}}, {"omit": ["expiration"]}, {"omit": ["secretAccessKey"]}]))
    sometimes("oidc", lambda: {"status": 400, "code": "invalid_grant"}, lambda: pick.choice([
        {"omit": ["refreshToken"]}, {"omit": ["expiresIn"]}, {"set": {"expiresIn": 60}},
        {"omit": ["accessToken"]}]))
    sometimes("container", lambda: pick.choice([
        {"status": 404, "code": ""}, {"status": 500, "code": ""}, {"body": "not json"}, {"body": ""}]),
              lambda: document_change(pick, PLAIN, whole))
    sometimes("imds_token", lambda: {"status": pick.choice([400, 403, 404, 405, 500])},
              lambda: {"status": 403})
    sometimes("imds_role", lambda: pick.choice([
        {"status": 404}, {"status": 500}, {"body": ""}, {"body": "imds"}]))
    sometimes("imds_keys", lambda: {"status": pick.choice([404, 500])},
              lambda: {"body": '{"Code": "AssumeRoleUnauthorizedAccess", "Message": "no"}'},
              lambda: document_change(pick, PLAIN, whole))
    return answers
