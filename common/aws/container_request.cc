#include "container_request.h"

#include <algorithm>
#include <array>

#include "efs/base/text.h"
#include "efs/http/url_host.h"

namespace efs::aws {
namespace {

bool mayAnswerInClearText(const std::string& host) {
  constexpr std::array<std::string_view, 4> kAllowed{"169.254.170.2", "169.254.170.23",
                                                     "fd00:ec2::23", "localhost"};
  return std::find(kAllowed.begin(), kAllowed.end(), host) != kAllowed.end() ||
         http::isLoopbackAddress(host);
}

std::string_view authorityOf(std::string_view url) {
  url.remove_prefix(url.find("://") + 3);
  return url.substr(0, url.find_first_of("/?#"));
}

// Programs differ in what they take for the host of "http://a@b" and "http://a\@b": neither is
// ever needed here. And the address goes into the state file, where no password may be (CSI-20).
bool isAmbiguous(std::string_view url) {
  return authorityOf(url).find_first_of("@\\") != std::string_view::npos;
}

// Not "localhost." nor "127.0.0.1.", which are names that DNS is asked for, and no escapes.
bool isWrittenPlainly(std::string_view url, const std::string& host) {
  std::string rest = toLower(authorityOf(url));
  for (const std::string& form : {host, "[" + host + "]"}) {
    if (!rest.starts_with(form)) continue;
    rest.erase(0, form.size());
    return rest.empty() || rest.front() == ':';
  }
  return false;
}

// Its host is fine; ours is the only form of a scheme that the client takes.
http::HttpRequest requestTo(const std::string& scheme, const std::string& url, bool direct) {
  http::HttpRequest request;
  request.url = scheme + url.substr(scheme.size());
  request.direct = direct;
  return request;
}

}  // namespace

Result<http::HttpRequest> agentRequest(const std::string& endpoint, const std::string& uri) {
  // "@host/" behind the endpoint's address would make it the user name of another host.
  if (!uri.starts_with('/') || uri.size() > 2048 ||
      uri.find_first_of(" \t\r\n") != std::string::npos) {
    return Error(ErrorKind::kInvalidInput,
                 "\"" + printable(uri, 120) + "\" does not begin with \"/\"")
        .addHint("it must be the path of $AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  }
  http::HttpRequest request;
  request.url = endpoint + uri;
  request.direct = true;  // the agent of this host
  return request;
}

Result<http::HttpRequest> containerRequest(std::string url) {
  url = std::string(trim(url));  // as Python's urlparse() has it
  const bool is_https = toLower(url.substr(0, 8)) == "https://";
  const bool is_http = toLower(url.substr(0, 7)) == "http://";
  if (is_https && !isAmbiguous(url)) return requestTo("https://", url, false);
  if (is_https) {
    return Error(ErrorKind::kInvalidInput,
                 "the address of the container credentials has a user or a backslash before its "
                 "host")
        .addHint(
            "write https://host/path; AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names a file "
            "with a token");
  }
  const auto host = is_http ? http::urlHost(url) : std::nullopt;
  if (host && !isAmbiguous(url) && isWrittenPlainly(url, *host) && mayAnswerInClearText(*host)) {
    return requestTo("http://", url, true);
  }
  return Error(ErrorKind::kInvalidInput,
               "the address of the container credentials names " +
                   (host ? "host " + printable(*host, 120) : std::string("no host")) +
                   ", to which keys must not go in clear text")
      .addHint(
          "it must be https, or http to 169.254.170.2, 169.254.170.23, [fd00:ec2::23], "
          "localhost or a loopback address");
}

}  // namespace efs::aws
