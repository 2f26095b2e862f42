#include "efs/rpc/xdr.h"

namespace efs::rpc {
namespace {

std::size_t padding(std::size_t length) { return (4 - length % 4) % 4; }

}  // namespace

void XdrWriter::u32(std::uint32_t value) {
  for (unsigned shift = 32; shift != 0; shift -= 8) {
    bytes_.push_back(static_cast<char>((value >> (shift - 8)) & 0xffU));
  }
}

void XdrWriter::u64(std::uint64_t value) {
  u32(static_cast<std::uint32_t>(value >> 32U));
  u32(static_cast<std::uint32_t>(value & 0xffffffffU));
}

void XdrWriter::fixed(std::string_view bytes) {
  bytes_.append(bytes);
  bytes_.append(padding(bytes.size()), '\0');
}

void XdrWriter::opaque(std::string_view bytes) {
  u32(static_cast<std::uint32_t>(bytes.size()));
  fixed(bytes);
}

std::uint32_t XdrReader::u32() {
  const auto value = ok_ ? cursor_.readU32() : std::nullopt;
  ok_ = value.has_value();
  return value.value_or(0);
}

std::uint64_t XdrReader::u64() {
  const auto value = ok_ ? cursor_.readU64() : std::nullopt;
  ok_ = value.has_value();
  return value.value_or(0);
}

bool XdrReader::boolean() {
  const auto value = u32();
  if (value > 1) fail();
  return ok_ && value == 1;
}

std::string_view XdrReader::fixed(std::size_t length) {
  const auto bytes = ok_ ? cursor_.readBytes(length) : std::nullopt;
  ok_ = bytes.has_value() && cursor_.skip(padding(length));
  return ok_ ? *bytes : std::string_view();
}

std::string_view XdrReader::opaque(std::size_t limit) {
  const std::size_t length = u32();
  if (length > limit) fail();
  return fixed(length);
}

}  // namespace efs::rpc
