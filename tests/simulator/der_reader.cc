#include "der_reader.h"

namespace efs::simulator {
namespace {

// The length octets; nullopt unless they are in the shortest form.
std::optional<std::size_t> readLength(ByteCursor& cursor) {
  const auto first = cursor.readU8();
  if (!first) return std::nullopt;
  if (*first < 0x80) return *first;
  const std::size_t count = *first & 0x7fU;
  if (count == 0 || count > 3) return std::nullopt;  // indefinite, or longer than any certificate
  std::size_t length = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto octet = cursor.readU8();
    if (!octet) return std::nullopt;
    length = length << 8U | *octet;
  }
  const std::size_t least = count == 1 ? 0x80 : std::size_t{1} << (8 * (count - 1));
  if (length < least) return std::nullopt;
  return length;
}

}  // namespace

std::optional<DerElement> DerReader::next() {
  ByteCursor attempt = cursor_;
  const std::size_t start = attempt.position();
  const auto element_tag = attempt.readU8();
  if (!element_tag || (*element_tag & 0x1fU) == 0x1fU) return std::nullopt;
  const auto length = readLength(attempt);
  if (!length) return std::nullopt;
  const auto value = attempt.readBytes(*length);
  if (!value) return std::nullopt;
  cursor_ = attempt;
  return DerElement{*element_tag, *value, bytes_.substr(start, attempt.position() - start)};
}

std::optional<DerElement> DerReader::next(std::uint8_t wanted_tag) {
  const ByteCursor before = cursor_;
  auto element = next();
  if (element && element->tag == wanted_tag) return element;
  cursor_ = before;
  return std::nullopt;
}

}  // namespace efs::simulator
