#include "efs/aws/credential_documents.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "aws_json.h"
#include "aws_names.h"
#include "credential_values.h"
#include "efs/base/text.h"
#include "xml_element.h"

namespace efs::aws {
namespace {

using nlohmann::json;

// The names of the three values; they differ from service to service.
struct FieldNames {
  const char* id;
  const char* secret;
  const char* token;
};
constexpr const char* kNotATime = " is not a time (or names no time zone)";
constexpr FieldNames kContainerNames{"AccessKeyId", "SecretAccessKey", "Token"};
constexpr FieldNames kStsNames{"AccessKeyId", "SecretAccessKey", "SessionToken"};
constexpr FieldNames kSsoNames{"accessKeyId", "secretAccessKey", "sessionToken"};

Error missing(const char* name) {
  return {ErrorKind::kProtocol, std::string("the reply has no ") + name};
}

Result<Credentials> takeValues(const json* object, const FieldNames& names, bool token_required) {
  for (const char* name : {names.id, names.secret}) {
    if (textOf(object, name).empty()) return missing(name);
  }
  const auto token = textOf(object, names.token);
  if (token_required && token.empty()) return missing(names.token);
  const json* any_token = member(object, names.token);
  if (any_token != nullptr && !any_token->is_null() && !any_token->is_string()) {
    return Error(ErrorKind::kProtocol, std::string(names.token) + " is not a text");
  }
  return makeCredentials(textOf(object, names.id), textOf(object, names.secret), token);
}

// Seconds since 1970, as STS writes it in JSON.
std::optional<WallTime> timeOfNumber(double seconds) {
  constexpr double kYear10000 = 253402300800.0;
  if (!(seconds >= 0.0 && seconds < kYear10000)) return std::nullopt;
  return clampedTime(static_cast<std::int64_t>(seconds));
}

// "4102542245", perhaps with a fraction: as STS's XML may have it.
std::optional<double> numberIn(std::string_view text) {
  const auto point = std::min(text.find('.'), text.size());
  const auto whole = parseInt(text.substr(0, point));
  const auto fraction = text.substr(std::min(point + 1, text.size()));
  if (!whole || fraction.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  return static_cast<double>(*whole);
}

std::optional<WallTime> timeOfText(std::string_view text) {
  const auto seconds = numberIn(trim(text));
  return seconds ? timeOfNumber(*seconds) : parseAwsTime(text);
}

// A text, or a number of which `per_second` make a second, which may be written as a text where it
// is not one second. No or an empty field: no expiration.
Status takeExpiration(const json* object, const char* name, double per_second,
                      Credentials& credentials) {
  const json* value = member(object, name);
  if (value == nullptr || value->is_null()) return {};
  if (const auto* text = value->get_ptr<const std::string*>()) {
    if (text->empty()) return {};
    const auto number = per_second == 1.0 ? std::nullopt : numberIn(*text);
    credentials.expiration = number ? timeOfNumber(*number / per_second) : parseAwsTime(*text);
  } else if (value->is_number()) {
    credentials.expiration = timeOfNumber(value->get<double>() / per_second);
  }
  if (credentials.expiration) return {};
  // Without it a certificate could outlive its credentials and nobody would know why.
  return Error(ErrorKind::kProtocol, std::string(name) + kNotATime);
}

std::string arnOf(std::string_view text) {
  return text.starts_with("arn:") && text.size() <= 2048 && isVisibleAscii(text) ? std::string(text)
                                                                                 : std::string();
}

Result<Credentials> parseStsJson(std::string_view text) {
  EFS_TRY(document, SecretJson::parse(text));
  for (const char* action : {"AssumeRole", "AssumeRoleWithWebIdentity"}) {
    const std::string name(action);
    const json* response = member(&document.root(), (name + "Response").c_str());
    const json* result = member(response, (name + "Result").c_str());
    if (result == nullptr) continue;
    const json* values = member(result, "Credentials");
    EFS_TRY(credentials, takeValues(values, kStsNames, true));
    EFS_CHECK(takeExpiration(values, "Expiration", 1.0, credentials));
    credentials.arn = arnOf(textOf(member(result, "AssumedRoleUser"), "Arn"));
    return credentials;
  }
  return missing("AssumeRole result");
}

Result<Credentials> parseStsXml(std::string_view text) {
  const auto plain = plainXml(text);
  if (!plain) return Error(ErrorKind::kProtocol, "the reply is not the XML of STS");
  text = plain->reveal();
  const auto values = xmlElement(text, "Credentials");
  if (!values) return missing("Credentials");
  std::array<Secret, 3> fields;
  const std::array names{kStsNames.id, kStsNames.secret, kStsNames.token};
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto value = xmlText(*values, names[i]);
    if (!value || value->empty()) return missing(names[i]);
    fields[i] = Secret(std::move(*value));
  }
  EFS_TRY(credentials, makeCredentials(fields[0].reveal(), fields[1].reveal(), fields[2].reveal()));
  if (const auto expiration = xmlText(*values, "Expiration")) {
    credentials.expiration = timeOfText(*expiration);
    if (!credentials.expiration)
      return Error(ErrorKind::kProtocol, std::string("Expiration") + kNotATime);
  }
  if (const auto user = xmlElement(text, "AssumedRoleUser")) {
    credentials.arn = arnOf(xmlText(*user, "Arn").value_or(""));
  }
  return credentials;
}

// Pod Identity and a credential_process may name it.
std::string accountOf(const json* object) {
  const auto text = textOf(object, "AccountId");
  const bool digits = text.size() == 12 && text.find_first_not_of("0123456789") == text.npos;
  return digits ? std::string(text) : std::string();
}

Result<Secret> accessTokenOf(const json* object) {
  const auto token = textOf(object, "accessToken");
  if (token.empty()) return missing("accessToken");
  // It goes into a header.
  if (!isVisibleAscii(token)) return Error(ErrorKind::kProtocol, "accessToken is not plain text");
  return Secret(token);
}

// botocore compares with 1 in Python, where 1.0 and True are the same.
bool isOne(const json* value) {
  if (value == nullptr) return false;
  if (const auto* flag = value->get_ptr<const bool*>()) return *flag;
  return value->is_number() && value->get<double>() == 1.0;
}

bool isXml(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return trim(text).starts_with('<');
}

}  // namespace

Result<Credentials> parseContainerCredentials(std::string_view text) {
  EFS_TRY(document, SecretJson::parse(text));
  const json* root = &document.root();
  EFS_TRY(credentials, takeValues(root, kContainerNames, true));
  EFS_CHECK(takeExpiration(root, "Expiration", 1.0, credentials));
  credentials.arn = arnOf(textOf(root, "RoleArn"));
  credentials.principal.account = accountOf(root);
  return credentials;
}

Result<Credentials> parseStsCredentials(std::string_view text) {
  return isXml(text) ? parseStsXml(text) : parseStsJson(text);
}

Result<std::string> parseCallerIdentity(std::string_view text) {
  std::string arn;
  if (isXml(text)) {
    arn = arnOf(
        xmlText(xmlElement(text, "GetCallerIdentityResult").value_or(""), "Arn").value_or(""));
  } else {
    EFS_TRY(document, SecretJson::parse(text));
    const json* response = member(&document.root(), "GetCallerIdentityResponse");
    arn = arnOf(textOf(member(response, "GetCallerIdentityResult"), "Arn"));
  }
  if (arn.empty()) return missing("Arn");
  return arn;
}

std::string serviceErrorText(std::string_view text) {
  std::string code;
  std::string message;
  if (isXml(text)) {
    const auto error = xmlElement(text, "Error").value_or("");
    code = xmlText(error, "Code").value_or("");
    message = xmlText(error, "Message").value_or("");
  } else if (const auto document = SecretJson::parse(text)) {
    const json* root = &document->root();
    const json* error = member(root, "Error");
    // OAuth 2.0, of Identity Center's token service.
    const auto grant = textOf(root, "error");
    if (!grant.empty()) {
      return printable(grant, 90) + ": " + printable(textOf(root, "error_description"), 300);
    }
    code = error != nullptr ? textOf(error, "Code") : textOf(root, "__type");
    message = error != nullptr ? textOf(error, "Message") : textOf(root, "message");
    if (code.empty() && error == nullptr) code = textOf(root, "code");
  }
  if (code.empty()) return printable(message, 300);
  return printable(code, 90) + (message.empty() ? "" : ": " + printable(message, 300));
}

Result<SsoToken> parseSsoToken(std::string_view text) {
  EFS_TRY(document, SecretJson::parse(text));
  const json* root = &document.root();
  EFS_TRY(access_token, accessTokenOf(root));
  const auto expires = parseAwsTime(textOf(root, "expiresAt"));
  if (!expires) return Error(ErrorKind::kProtocol, std::string("expiresAt") + kNotATime);
  return SsoToken{std::move(access_token),
                  *expires,
                  Secret(textOf(root, "refreshToken")),
                  Secret(textOf(root, "clientId")),
                  Secret(textOf(root, "clientSecret")),
                  std::string(textOf(root, "registrationExpiresAt"))};
}

Result<SsoToken> parseNewSsoToken(std::string_view text, WallTime now) {
  EFS_TRY(document, SecretJson::parse(text));
  const json* root = &document.root();
  EFS_TRY(access_token, accessTokenOf(root));
  const json* seconds = member(root, "expiresIn");
  // botocore reads it with int().
  const auto lasts = seconds != nullptr && seconds->is_number()
                         ? std::optional(seconds->get<double>())
                         : numberIn(textOf(root, "expiresIn"));
  if (!lasts) return missing("expiresIn");
  if (!(*lasts >= 1.0)) return Error(ErrorKind::kProtocol, "the new log-in has ended already");
  constexpr double kCenturies = 1e10;
  const auto begin = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
  const auto whole = static_cast<std::int64_t>(std::min(*lasts, kCenturies));
  return SsoToken{.access_token = std::move(access_token),
                  .expires = clampedTime(begin.count() + whole),
                  .refresh_token = Secret(textOf(root, "refreshToken"))};
}

Result<Credentials> parseSsoRoleCredentials(std::string_view text) {
  EFS_TRY(document, SecretJson::parse(text));
  const json* values = member(&document.root(), "roleCredentials");
  EFS_TRY(credentials, takeValues(values, kSsoNames, true));
  EFS_CHECK(takeExpiration(values, "expiration", 1000.0, credentials));
  return credentials;
}

Result<Credentials> parseProcessCredentials(std::string_view text) {
  EFS_TRY(document, SecretJson::parse(text));
  const json* root = &document.root();
  if (!isOne(member(root, "Version"))) {
    return Error(ErrorKind::kProtocol, "\"Version\" is not 1, the only one there is");
  }
  EFS_TRY(credentials, takeValues(root, kStsNames, false));
  EFS_CHECK(takeExpiration(root, "Expiration", 1.0, credentials));
  credentials.principal.account = accountOf(root);
  return credentials;
}

}  // namespace efs::aws
