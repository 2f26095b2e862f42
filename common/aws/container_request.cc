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

// Programs differ in what they take for the host of "http://a@b" and "http://a\@b": neither is
// ever needed here.
bool isAmbiguous(std::string_view url) {
  const std::string_view authority = url.substr(0, url.find_first_of("/?#", url.find("://") + 3));
  return authority.find_first_of("@\\") != std::string_view::npos;
}

}  // namespace

Result<http::HttpRequest> containerRequest(const std::string& url) {
  http::HttpRequest request;
  request.url = url;
  if (toLower(url.substr(0, 8)) == "https://") return request;
  const bool is_http = toLower(url.substr(0, 7)) == "http://";
  const auto host = is_http ? http::urlHost(url) : std::nullopt;
  if (host && !isAmbiguous(url) && mayAnswerInClearText(*host)) {
    request.direct = true;
    return request;
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
