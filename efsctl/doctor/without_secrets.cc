#include <algorithm>
#include <array>
#include <cctype>

#include "doctor/bundle.h"
#include "efs/aws/credential_chain.h"
#include "efs/base/environment.h"
#include "efs/base/text.h"
#include "efs/base/users_file.h"

namespace efs::efsctl {
namespace {

constexpr std::size_t kShortestSecret = 8;
constexpr std::size_t kSecretKeyLength = 40;
constexpr std::size_t kTokenLength = 100;

// In lower case; as a part of a longer name as well.
constexpr std::array<std::string_view, 9> kNames = {
    "secret_access_key", "secretaccesskey", "session_token", "sessiontoken", "security-token",
    "security_token",    "password",        "client_secret", "accesstoken"};

bool isWord(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '/' || c == '+' || c == '=';
}
bool isTokenWord(char c) { return isWord(c) || c == '.' || c == '-' || c == '_'; }

void removePrivateKeys(std::string& text) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  for (auto at = text.find(kBegin); at != std::string::npos; at = text.find(kBegin, at + 1)) {
    const auto line = text.find('\n', at);
    if (text.substr(at, line - at).find("PRIVATE KEY") == std::string::npos) continue;
    const auto end = text.find("-----END ", at);
    const auto stop = end == std::string::npos ? text.size() : text.find('\n', end);
    text.replace(at, (stop == std::string::npos ? text.size() : stop) - at, kRemoved);
  }
}

// "name = value", "name": "value", name=value&...
void removeValuesOf(std::string& text, std::string_view name) {
  std::string lower = toLower(text);
  for (auto at = lower.find(name); at != std::string::npos; at = lower.find(name, at + 1)) {
    auto begin = text.find_first_not_of("\"' \t", at + name.size());
    if (begin == std::string::npos || (text[begin] != '=' && text[begin] != ':')) continue;
    begin = text.find_first_not_of("\"' \t", begin + 1);
    if (begin == std::string::npos || text[begin] == '\n') continue;
    const auto end = std::min(text.find_first_of("\"'\n&,; \t", begin), text.size());
    text.replace(begin, end - begin, kRemoved);
    lower = toLower(text);
  }
}

// "Authorization: <scheme> <secret>": to the end of the line.
void removeAuthorization(std::string& text) {
  constexpr std::string_view kName = "authorization";
  std::string lower = toLower(text);
  for (auto at = lower.find(kName); at != std::string::npos; at = lower.find(kName, at + 1)) {
    const auto begin = text.find_first_not_of("\"' \t", at + kName.size());
    if (begin == std::string::npos || (text[begin] != '=' && text[begin] != ':')) continue;
    const auto end = std::min(text.find('\n', begin), text.size());
    text.replace(begin + 1, end - begin - 1, kRemoved);
    lower = toLower(text);
  }
}

void removeUsersOfUrls(std::string& text) {
  constexpr std::string_view kMark = "://";
  for (auto at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at + 1)) {
    const auto begin = at + kMark.size();
    const auto end = std::min(text.find_first_of("/\"' \t\n", begin), text.size());
    const auto user = text.rfind('@', end);
    if (user == std::string::npos || user < begin || user >= end) continue;
    text.replace(begin, user - begin, kRemoved);
  }
}

bool looksLikeSecretKey(std::string_view word) {
  if (word.size() != kSecretKeyLength) return false;
  const auto has = [&](int (*kind)(int)) {
    return std::any_of(word.begin(), word.end(),
                       [kind](char c) { return kind(static_cast<unsigned char>(c)) != 0; });
  };
  return has(std::isupper) && has(std::islower);  // a digest in hexadecimal has one case
}

bool looksLikeToken(std::string_view word) {
  const auto dots = std::count(word.begin(), word.end(), '.');
  if (word.starts_with("eyJ") && dots >= 2) return true;
  return word.size() >= kTokenLength && dots == 0;
}

// Replaces each longest run of characters that `belongs` and `secret` agree on.
template <typename Belongs, typename Secret>
std::string withoutWords(const std::string& text, Belongs belongs, Secret secret) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && belongs(text[end])) ++end;
    const std::string_view word(text.data() + i, end - i);
    out += !word.empty() && secret(word) ? kRemoved : word;
    if (end < text.size()) out += text[end];
    i = end + 1;
  }
  return out;
}

void addValues(const std::string& path, std::vector<std::string>& secrets) {
  const auto text = readUsersFile(path, kMaxFileSize, Duration(1000));
  if (!text) return;
  for (const auto& line : split(*text, '\n')) {
    const auto equals = line.find('=');
    if (equals == std::string::npos) continue;
    const std::string name = toLower(trim(line.substr(0, equals)));
    const bool secret = name.find("secret") != std::string::npos ||
                        name.find("token") != std::string::npos ||
                        name.find("password") != std::string::npos;
    if (secret) secrets.emplace_back(trim(line.substr(equals + 1)));
  }
}

// Of "http://user:password@proxy:3128".
void addPassword(const std::string& url, std::vector<std::string>& secrets) {
  const auto begin = url.find("://");
  const auto at = url.rfind('@');
  if (begin == std::string::npos || at == std::string::npos || at < begin + 3) return;
  const std::string user = url.substr(begin + 3, at - begin - 3);
  const auto colon = user.find(':');
  if (colon != std::string::npos) secrets.push_back(user.substr(colon + 1));
}

}  // namespace

std::string withoutSecrets(std::string text, const std::vector<std::string>& known) {
  for (const auto& secret : known) {
    if (secret.size() >= kShortestSecret) text = replaceAll(std::move(text), secret, kRemoved);
  }
  removePrivateKeys(text);
  for (const auto name : kNames) removeValuesOf(text, name);
  removeAuthorization(text);
  removeUsersOfUrls(text);
  text = withoutWords(text, isTokenWord, looksLikeToken);
  return withoutWords(text, isWord, looksLikeSecretKey);
}

std::vector<std::string> knownSecrets() {
  std::vector<std::string> secrets;
  for (const char* name : {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN",
                           "AWS_CONTAINER_AUTHORIZATION_TOKEN"}) {
    if (const auto value = environmentVariable(name)) secrets.push_back(*value);
  }
  for (const char* name : kProxyVariables) {
    if (const auto value = environmentVariable(name)) addPassword(*value, secrets);
  }
  const auto home = aws::homeDirectoryOf(0);
  if (home) {
    addValues(*home + "/.aws/credentials", secrets);
    addValues(*home + "/.aws/config", secrets);
  }
  if (const auto path = environmentVariable("AWS_SHARED_CREDENTIALS_FILE"))
    addValues(*path, secrets);
  if (const auto path = environmentVariable("AWS_CONFIG_FILE")) addValues(*path, secrets);
  return secrets;
}

}  // namespace efs::efsctl
