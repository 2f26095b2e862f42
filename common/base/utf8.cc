#include "efs/base/utf8.h"

#include <cstdint>

#include "efs/base/byte_cursor.h"

namespace efs {
namespace {

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

bool isUtf8(std::string_view bytes) {
  ByteCursor cursor(bytes);
  while (!cursor.atEnd()) {
    if (!skipCharacter(cursor)) return false;
  }
  return true;
}

}  // namespace efs
