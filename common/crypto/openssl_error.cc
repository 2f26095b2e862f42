#include "openssl_error.h"

#include <openssl/err.h>

#include <array>
#include <limits>
#include <string>

#include "efs/base/text.h"

namespace efs::crypto {

Error opensslError(std::string_view what, ErrorKind kind) {
  std::string reasons;
  while (const unsigned long code = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(code);
    std::array<char, 256> text{};
    if (reason == nullptr) {
      ERR_error_string_n(code, text.data(), text.size());
      reason = text.data();
    }
    // The queue holds at most 16 errors (ERR_NUM_ERRORS).
    reasons += (reasons.empty() ? "" : "; ") + printable(reason);
  }
  if (reasons.empty()) reasons = "OpenSSL gave no reason";
  return {kind, std::string(what) + ": " + reasons};
}

BioPtr textBio(std::string_view text) {
  if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return nullptr;
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

}  // namespace efs::crypto
