// Requests and replies of the AWS APIs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace efs::simulator {

struct ApiRequest {
  std::string method;
  std::string path;                            // as sent, without the query
  std::string query;                           // as sent, without '?'
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  // Empty when absent.
  std::string header(const std::string& name) const;
};

struct ApiReply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
};

// nullopt when it is not a request of HTTP/1.1. `head` ends before the empty line.
std::optional<ApiRequest> parseApiHead(std::string_view head);

// "a%2Fb" -> "a/b"; a percent sign that encodes nothing stays.
std::string percentDecode(std::string_view text);
// The value of `name` in "a=1&b=2", decoded; nullopt when absent.
std::optional<std::string> formValue(std::string_view form, std::string_view name);

}  // namespace efs::simulator
