// Any bytes as a request to, and as an answer of, the server of efsctl metrics: what is taken is of
// the form that is promised, however the bytes come, and what the server says is understood.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "serve/http_message.h"
#include "serve/listen_address.h"

using namespace efs::efsctl;

namespace {

void checkRequest(std::string_view bytes) {
  const auto request = parseRequest(bytes);
  if (!request) return;
  if (request->path.empty() || request->path.front() != '/') std::abort();
  if (request->path.find('?') != std::string::npos) std::abort();
  if (request->method.find(' ') != std::string::npos) std::abort();
  for (const auto& [key, value] : request->query) {
    if (key.empty() || key.find_first_of("=&") != std::string::npos) std::abort();
    if (value.size() > bytes.size()) std::abort();
    // Said again by a client, it is the same.
    const auto again = parseRequest("GET /?k=" + percentEncoded(value) + " HTTP/1.1\r\n\r\n");
    if (!again || again->query.at("k") != value) std::abort();
  }
  // What stands behind the line changes nothing.
  const std::string more = std::string(bytes.substr(0, bytes.find("\r\n"))) + "\r\nx: y\r\n\r\n";
  const auto same = parseRequest(more);
  if (!same || same->path != request->path || same->query != request->query) std::abort();
}

void checkAnswer(std::string_view bytes) {
  (void)parseAnswer(bytes);
  HttpAnswer answer;
  answer.code = 200;
  answer.body = bytes;
  const std::string text = answerHead(answer, answer.body.size()) + answer.body;
  const auto back = parseAnswer(text);
  if (!back || back->body != answer.body || back->code != 200 || back->exit_code != 0) std::abort();
  if (parseAnswer(std::string_view(text).substr(0, text.size() - 1))) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  checkRequest(bytes);
  checkAnswer(bytes);
  const auto address = parseListenAddress(std::string(bytes));
  if (!address) return 0;
  const auto again = parseListenAddress(address->text());
  if (!again || again->text() != address->text()) std::abort();
  return 0;
}
