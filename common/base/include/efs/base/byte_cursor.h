// ByteCursor: the only way to read bytes that came from outside. Every read is checked against what
// is left, by subtraction; a failed read leaves the cursor where it was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace efs {

class ByteCursor {
 public:
  // The bytes must outlive the cursor.
  explicit ByteCursor(std::string_view bytes) : bytes_(bytes) {}

  std::size_t left() const { return bytes_.size() - position_; }
  std::size_t position() const { return position_; }
  bool atEnd() const { return left() == 0; }

  std::optional<std::uint8_t> readU8();
  // Big-endian, as all network formats here.
  std::optional<std::uint16_t> readU16();
  std::optional<std::uint32_t> readU32();
  std::optional<std::uint64_t> readU64();
  // A view into the underlying bytes.
  std::optional<std::string_view> readBytes(std::size_t count);
  bool skip(std::size_t count);

 private:
  std::string_view bytes_;
  std::size_t position_ = 0;
};

}  // namespace efs
