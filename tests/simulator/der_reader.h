// DerReader: element by element through DER bytes (X.690 section 10). Stricter than OpenSSL: only
// definite, minimal lengths and low tag numbers are accepted, so a certificate that passes is DER
// to the last bit.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "efs/base/byte_cursor.h"

namespace efs::simulator {

namespace tag {
inline constexpr std::uint8_t kBoolean = 0x01;
inline constexpr std::uint8_t kInteger = 0x02;
inline constexpr std::uint8_t kBitString = 0x03;
inline constexpr std::uint8_t kOctetString = 0x04;
inline constexpr std::uint8_t kOid = 0x06;
inline constexpr std::uint8_t kUtf8String = 0x0c;
inline constexpr std::uint8_t kUtcTime = 0x17;
inline constexpr std::uint8_t kSequence = 0x30;
inline constexpr std::uint8_t kSet = 0x31;
inline constexpr std::uint8_t kContext0 = 0xa0;
inline constexpr std::uint8_t kContext3 = 0xa3;
}  // namespace tag

struct DerElement {
  std::uint8_t tag = 0;
  std::string_view value;
  std::string_view whole;  // with tag and length
};

class DerReader {
 public:
  // The bytes must outlive the reader and its elements.
  explicit DerReader(std::string_view bytes) : bytes_(bytes), cursor_(bytes) {}

  bool atEnd() const { return cursor_.atEnd(); }
  // nullopt at the end and for anything that is not DER.
  std::optional<DerElement> next();
  // The next element if it has this tag; otherwise nothing is consumed.
  std::optional<DerElement> next(std::uint8_t wanted_tag);

 private:
  std::string_view bytes_;
  ByteCursor cursor_;
};

}  // namespace efs::simulator
