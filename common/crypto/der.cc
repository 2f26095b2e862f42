#include "efs/crypto/der.h"

#include <cstdint>

#include "efs/base/byte_cursor.h"

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

struct LeadByte {
  unsigned following = 0;
  std::uint32_t bits = 0;
  std::uint32_t smallest = 0;  // code points below this are overlong in this form
};

// RFC 3629, section 3; `following` 4 marks a byte that cannot begin a character.
LeadByte leadByte(std::uint8_t byte) {
  if (byte < 0x80U) return {0, byte, 0};
  if ((byte & 0xE0U) == 0xC0U) return {1, byte & 0x1FU, 0x80};
  if ((byte & 0xF0U) == 0xE0U) return {2, byte & 0x0FU, 0x800};
  if ((byte & 0xF8U) == 0xF0U) return {3, byte & 0x07U, 0x10000};
  return {4, 0, 0};
}

bool skipCharacter(ByteCursor& cursor) {
  LeadByte lead = leadByte(*cursor.readU8());
  if (lead.following > 3) return false;
  for (unsigned i = 0; i < lead.following; ++i) {
    const auto next = cursor.readU8();
    if (!next || (*next & 0xC0U) != 0x80U) return false;
    lead.bits = (lead.bits << 6U) | (*next & 0x3FU);
  }
  const bool surrogate = lead.bits >= 0xD800 && lead.bits <= 0xDFFF;
  return lead.bits >= lead.smallest && lead.bits <= 0x10FFFF && !surrogate;
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

bool isUtf8(std::string_view bytes) {
  ByteCursor cursor(bytes);
  while (!cursor.atEnd()) {
    if (!skipCharacter(cursor)) return false;
  }
  return true;
}

}  // namespace efs::crypto::der
