#include "efs/base/byte_cursor.h"

namespace efs {
namespace {

template <typename T>
std::optional<T> readBigEndian(ByteCursor& cursor) {
  const auto bytes = cursor.readBytes(sizeof(T));
  if (!bytes) return std::nullopt;
  T value = 0;
  for (const char c : *bytes) value = static_cast<T>((value << 8U) | static_cast<unsigned char>(c));
  return value;
}

}  // namespace

std::optional<std::uint8_t> ByteCursor::readU8() {
  const auto bytes = readBytes(1);
  if (!bytes) return std::nullopt;
  return static_cast<std::uint8_t>(bytes->front());
}
std::optional<std::uint16_t> ByteCursor::readU16() { return readBigEndian<std::uint16_t>(*this); }
std::optional<std::uint32_t> ByteCursor::readU32() { return readBigEndian<std::uint32_t>(*this); }
std::optional<std::uint64_t> ByteCursor::readU64() { return readBigEndian<std::uint64_t>(*this); }

std::optional<std::string_view> ByteCursor::readBytes(std::size_t count) {
  if (count > left()) return std::nullopt;
  const auto bytes = bytes_.substr(position_, count);
  position_ += count;
  return bytes;
}

bool ByteCursor::skip(std::size_t count) { return readBytes(count).has_value(); }

}  // namespace efs
