#include "efs/crypto/der.h"

namespace efs::crypto::der {
namespace {

constexpr unsigned char kOctetString = 0x04;
constexpr unsigned char kUtf8String = 0x0C;
constexpr unsigned char kUtcTime = 0x17;
constexpr unsigned char kSequence = 0x30;
constexpr unsigned char kContextConstructed = 0xA0;

// X.690, 8.1.3: short form below 128, else the count of length bytes and the shortest big-endian.
std::string lengthBytes(std::size_t length) {
  if (length < 0x80) return {static_cast<char>(length)};
  std::string bytes;
  for (; length != 0; length >>= 8U) {
    bytes.insert(bytes.begin(), static_cast<char>(length & 0xFFU));
  }
  bytes.insert(bytes.begin(), static_cast<char>(0x80U | bytes.size()));
  return bytes;
}

}  // namespace

std::string element(unsigned char tag, std::string_view content) {
  std::string bytes(1, static_cast<char>(tag));
  bytes += lengthBytes(content.size());
  bytes += content;
  return bytes;
}

std::string utf8String(std::string_view text) { return element(kUtf8String, text); }

std::string octetString(std::string_view bytes) { return element(kOctetString, bytes); }

std::string utcTime(WallTime time) { return element(kUtcTime, utcText(time, "%y%m%d%H%M%SZ")); }

std::string sequence(std::string_view content) { return element(kSequence, content); }

std::string explicitTag(unsigned number, std::string_view inner) {
  return element(static_cast<unsigned char>(kContextConstructed | (number & 0x1FU)), inner);
}

}  // namespace efs::crypto::der
