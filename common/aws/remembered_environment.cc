#include "efs/aws/remembered_environment.h"

#include <algorithm>
#include <array>

namespace efs::aws {
namespace {

enum class Kind { kPlain, kPath, kUrl, kProxy };
struct Row {
  const char* name;
  Kind kind;
};

// Those that our own code reads, and those that a credential_process of AWS's tools reads. Left
// out: AWS_ACCESS_KEY_ID and its company, AWS_CONTAINER_AUTHORIZATION_TOKEN.
constexpr std::array kRows{
    Row{"AWS_PROFILE", Kind::kPlain},
    Row{"AWS_DEFAULT_PROFILE", Kind::kPlain},
    Row{"AWS_SHARED_CREDENTIALS_FILE", Kind::kPath},
    Row{"AWS_CONFIG_FILE", Kind::kPath},
    Row{"AWS_SDK_LOAD_CONFIG", Kind::kPlain},
    Row{"AWS_REGION", Kind::kPlain},
    Row{"AWS_DEFAULT_REGION", Kind::kPlain},
    Row{"AWS_ROLE_ARN", Kind::kPlain},
    Row{"AWS_ROLE_SESSION_NAME", Kind::kPlain},
    Row{"AWS_WEB_IDENTITY_TOKEN_FILE", Kind::kPath},
    Row{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", Kind::kPlain},
    Row{"AWS_CONTAINER_CREDENTIALS_FULL_URI", Kind::kUrl},
    Row{"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", Kind::kPath},
    Row{"AWS_EC2_METADATA_DISABLED", Kind::kPlain},
    Row{"AWS_EC2_METADATA_SERVICE_ENDPOINT", Kind::kUrl},
    Row{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", Kind::kPlain},
    Row{"AWS_ENDPOINT_URL", Kind::kUrl},
    Row{"AWS_ENDPOINT_URL_STS", Kind::kUrl},
    Row{"AWS_ENDPOINT_URL_SSO", Kind::kUrl},
    Row{"AWS_ENDPOINT_URL_EFS", Kind::kUrl},
    Row{"AWS_ENDPOINT_URL_EC2", Kind::kUrl},
    Row{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", Kind::kPlain},
    Row{"AWS_STS_REGIONAL_ENDPOINTS", Kind::kPlain},
    Row{"AWS_USE_FIPS_ENDPOINT", Kind::kPlain},
    Row{"AWS_USE_DUALSTACK_ENDPOINT", Kind::kPlain},
    Row{"AWS_CA_BUNDLE", Kind::kPath},
    Row{"SSL_CERT_FILE", Kind::kPath},
    Row{"SSL_CERT_DIR", Kind::kPath},
    // For a credential_process.
    Row{"PATH", Kind::kPlain},
    Row{"HOME", Kind::kPath},
    Row{"http_proxy", Kind::kProxy},
    Row{"https_proxy", Kind::kProxy},
    Row{"all_proxy", Kind::kProxy},
    Row{"no_proxy", Kind::kPlain},
    Row{"HTTP_PROXY", Kind::kProxy},
    Row{"HTTPS_PROXY", Kind::kProxy},
    Row{"ALL_PROXY", Kind::kProxy},
    Row{"NO_PROXY", Kind::kPlain},
};

std::string absolutePath(const std::string& path, const std::string& directory) {
  if (path.starts_with('/') || path.starts_with("~/") || directory.empty()) return path;
  return directory + "/" + path;
}

// Unlike a proxy's, the path of a URL may contain an '@'.
std::string withoutUser(std::string url) {
  const auto scheme = url.find("://");
  const std::size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
  const auto at = url.substr(0, url.find_first_of("/?#", begin)).rfind('@');
  return at == std::string::npos || at < begin ? url : url.erase(begin, at + 1 - begin);
}

std::string kept(Kind kind, const std::string& value, const std::string& directory) {
  switch (kind) {
    case Kind::kPath:
      return absolutePath(value, directory);
    case Kind::kUrl:
      return withoutUser(value);
    case Kind::kProxy:
      return withoutProxyUser(value);
    case Kind::kPlain:
      break;
  }
  return value;
}

}  // namespace

Variables rememberedEnvironment(const Environment& environment, const std::string& directory) {
  Variables result;
  for (const Row& row : kRows) {
    const auto value = environment(row.name);
    if (value && !value->empty()) result.emplace(row.name, kept(row.kind, *value, directory));
  }
  return result;
}

Variables onlyRemembered(const Variables& variables) {
  Variables result;
  for (const Row& row : kRows) {
    const auto found = variables.find(row.name);
    if (found != variables.end()) result.insert(*found);
  }
  return result;
}

std::vector<std::string> proxiesWithUser(const Environment& environment) {
  std::vector<std::string> names;
  for (const Row& row : kRows) {
    if (row.kind != Kind::kProxy) continue;
    const auto value = environment(row.name);
    if (value && value->find('@') != std::string::npos) names.emplace_back(row.name);
  }
  return names;
}

std::vector<std::string> credentialVariables() {
  std::vector<std::string> names{"AWS_*", "SSL_CERT_FILE", "SSL_CERT_DIR"};
  names.insert(names.end(), kProxyVariables.begin(), kProxyVariables.end());
  return names;
}

}  // namespace efs::aws
