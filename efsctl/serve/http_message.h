// As much of HTTP/1.1 as a scraper and curl need: one GET, one answer, then the end. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace efs::efsctl {

inline constexpr std::size_t kMaxRequest = 8192;

struct HttpRequest {
  std::string method;  // "GET"
  std::string path;    // "/metrics"
  std::map<std::string, std::string> query;
};
// True: all of it is there, up to the empty line.
bool requestComplete(std::string_view bytes);
// nullopt: no request of HTTP/1.x. "%41" is decoded in the values of the query.
std::optional<HttpRequest> parseRequest(std::string_view bytes);
std::string percentEncoded(std::string_view text);

struct HttpAnswer {
  int code = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  int exit_code = 0;  // that `efsctl status` would have ended with; header "Efs-Exit"
};
// All before the body.
std::string answerHead(const HttpAnswer& answer, std::size_t body_size);
// What the client side takes out of an answer. nullopt: not one of ours, or not all of it.
std::optional<HttpAnswer> parseAnswer(std::string_view bytes);

}  // namespace efs::efsctl
