// First line: a responder's URL; the rest: what it replies. Whatever it is: the question is one
// HTTP request, and the reply is the same in one piece and byte by byte.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "efs/tls/ocsp_exchange.h"

using efs::tls::OcspExchange;

namespace {

// "" while there is no body, and what became of it.
std::string outcome(const efs::Result<std::optional<std::string>>& taken) {
  if (!taken) return "error: " + taken.error().message();
  return *taken ? "body: " + **taken : "";
}

std::string replyTo(const efs::tls::OcspResponder& responder, std::string_view reply,
                    std::size_t piece) {
  OcspExchange exchange(responder, "DER");
  for (std::size_t at = 0; at < reply.size(); at += piece) {
    const std::string result = outcome(exchange.take(reply.substr(at, piece), false));
    if (!result.empty()) return result;
  }
  const std::string result = outcome(exchange.take({}, true));
  if (result.empty()) std::abort();  // the end of the connection is the end of the exchange
  return result;
}

void checkRequest(std::string_view request) {
  const auto line = request.substr(0, request.find('\r'));
  if (!line.starts_with("POST /") || !line.ends_with(" HTTP/1.0")) std::abort();
  if (std::count(line.begin(), line.end(), ' ') != 2) std::abort();
  if (std::count(request.begin(), request.end(), '\n') != 5) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line_end = std::min(text.find('\n'), text.size());
  const auto parsed = efs::tls::parseOcspResponder(text.substr(0, line_end));
  const auto responder = parsed.value_or(efs::tls::OcspResponder{"host", 80, "/", "http://host/"});
  if (responder.port == 0 || responder.host.empty()) std::abort();
  checkRequest(OcspExchange(responder, "DER").unsent());
  const auto reply = text.substr(std::min(line_end + 1, text.size()));
  const std::string whole = replyTo(responder, reply, std::max<std::size_t>(reply.size(), 1));
  const std::string pieces = replyTo(responder, reply, 7);
  // A reply beyond the limit may fail sooner in pieces, for another reason.
  if (whole != pieces && reply.size() < 16384) std::abort();
  return 0;
}
