// HttpClient: one small interface for all AWS endpoints; the implementation is libcurl.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/result.h"

namespace efs::http {

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  Duration timeout{1000};         // whole request, connect included
  std::size_t max_reply = 65536;  // a longer reply is an error
  // Never by a proxy, whatever its variables say: for services of this host whose name does not
  // tell that they are.
  bool direct = false;
  // PEM file instead of the client's; empty: the client's.
  std::string ca_bundle = {};
};

struct HttpReply {
  int status = 0;
  std::string body;
  std::string date = {};  // the header Date, empty where there is none
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // Any status is a reply; errors are transport failures (kTimeout, kRefused, kUnreachable,
  // kUntrusted, kNotFound for a name). Redirects are never followed: they would carry credentials
  // along.
  virtual Result<HttpReply> send(const HttpRequest& request) const = 0;
};

// Honours http_proxy, https_proxy, no_proxy, in lower or upper case, and not all_proxy (contract
// section 10; as botocore), except for addresses that exist only on this host (url_host.h).
// ~/.netrc is not read. libcurl is loaded at the first request (dlopen), so that a run without HTTP
// does not pay for it. `ca_bundle`: PEM file of the authorities that servers are checked against
// instead of the system's.
std::unique_ptr<HttpClient> makeHttpClient(std::string ca_bundle = {});

}  // namespace efs::http
