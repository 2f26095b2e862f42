#include "efs/aws/remembered_environment.h"

#include <algorithm>
#include <array>

#include "efs/aws/path_expansion.h"
#include "efs/base/log.h"
#include "efs/base/url_authority.h"

namespace efs::aws {
namespace {

enum class Kind { kPlain, kPath, kExpandedPath, kUrl, kProxy };
struct Row {
  const char* name;
  Kind kind;
};

// Those that our own code reads, and those that a credential_process of AWS's tools reads. Left
// out: AWS_ACCESS_KEY_ID and its company, AWS_CONTAINER_AUTHORIZATION_TOKEN.
constexpr std::array kRows{
    Row{"AWS_PROFILE", Kind::kPlain},
    Row{"AWS_DEFAULT_PROFILE", Kind::kPlain},
    Row{"AWS_SHARED_CREDENTIALS_FILE", Kind::kExpandedPath},
    Row{"AWS_CONFIG_FILE", Kind::kExpandedPath},
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
    Row{"AWS_ENDPOINT_URL_SSO_OIDC", Kind::kUrl},
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
    Row{"REQUESTS_CA_BUNDLE", Kind::kPath},
    Row{"AWS_DATA_PATH", Kind::kPlain},
    Row{"AWS_IMDS_USE_IPV6", Kind::kPlain},
    Row{"AWS_EC2_METADATA_V1_DISABLED", Kind::kPlain},
    Row{"AWS_METADATA_SERVICE_TIMEOUT", Kind::kPlain},
    Row{"AWS_METADATA_SERVICE_NUM_ATTEMPTS", Kind::kPlain},
    Row{"AWS_MAX_ATTEMPTS", Kind::kPlain},
    Row{"AWS_RETRY_MODE", Kind::kPlain},
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

// A long list of hosts has its place; a state file must stay one that can be read.
constexpr std::size_t kLongest = std::size_t{16} * 1024;

std::string absolutePath(const std::string& path, const std::string& directory) {
  if (path.starts_with('/') || path.starts_with('~') || directory.empty()) return path;
  return directory + "/" + path;
}

// "host", "host:80", "[::1]:80"; "user:pass", whose '@' stands behind a slash of the password, is
// none.
bool isHostAndPort(std::string_view authority) {
  const auto port = authority.find(':');
  if (port == std::string_view::npos || authority.starts_with('[')) return true;
  return authority.find_first_not_of("0123456789", port + 1) == std::string_view::npos;
}

// Unlike a proxy's, the path of a URL may contain an '@'.
std::string withoutUser(const std::string& url) {
  const std::size_t begin = authorityStart(url);
  const std::size_t end = std::min(url.find_first_of("/?#", begin), url.size());
  const std::string_view authority = std::string_view(url).substr(begin, end - begin);
  const auto at = authority.rfind('@');
  if (at != std::string_view::npos) return std::string(url).erase(begin, at + 1);
  return isHostAndPort(authority) ? url : withoutProxyUser(url);
}

std::string kept(Kind kind, const std::string& value, const Environment& environment,
                 const std::string& directory) {
  switch (kind) {
    case Kind::kExpandedPath:
      return absolutePath(expandVariables(value, environment), directory);
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
    if (!value || value->empty()) continue;
    if (value->size() > kLongest) {
      log::warning("{} is not kept for renewals of the certificate: it is longer than {} bytes",
                   row.name, kLongest);
      continue;
    }
    result.emplace(row.name, kept(row.kind, *value, environment, directory));
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
  std::vector<std::string> names{"AWS_*", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"};
  names.insert(names.end(), kProxyVariables.begin(), kProxyVariables.end());
  return names;
}

}  // namespace efs::aws
