// OcspExchange: one question to an OCSP responder over HTTP (RFC 6960 appendix A.1). Pure: the
// caller sends unsent() and hands over what arrives.
//
// HTTP/1.0, so that the answer ends with its length or with the connection and never comes in
// chunks (RFC 9112 section 6.1). Nothing of ours is in the question but the number of the
// certificate. Redirects are not followed: a question that the certificate's own responder does not
// answer is not answered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "efs/base/result.h"

namespace efs::tls {

// Only http: an https one could not be judged before its own certificate is.
struct OcspResponder {
  std::string host;  // name or address, without brackets
  std::uint16_t port = 80;
  std::string target;  // path and query
  std::string url;     // for messages
};

// A URL from a certificate (RFC 5280 section 4.2.2.1). nullopt: no http, or no URL at all.
std::optional<OcspResponder> parseOcspResponder(std::string_view url);

class OcspExchange {
 public:
  // `request`: an OCSPRequest in DER.
  OcspExchange(const OcspResponder& responder, std::string_view request);

  std::string_view unsent() const { return std::string_view(request_).substr(sent_); }
  void sent(std::size_t count) { sent_ += count; }

  // Takes bytes of the reply; `ended`: no more will come. Returns its body, an OCSPResponse in DER
  // that nobody has looked at, or nullopt while it is not complete. kProtocol: no reply of HTTP, no
  // "200", too large; kReset: ended too early.
  Result<std::optional<std::string>> take(std::string_view bytes, bool ended);

 private:
  Status takeHeader(bool ended);

  std::string request_;
  std::size_t sent_ = 0;
  std::string reply_;
  std::size_t searched_ = 0;  // no end of the header in front of that
  std::optional<std::size_t> body_start_;
  std::optional<std::size_t> body_length_;  // nullopt: up to the end of the connection
};

}  // namespace efs::tls
