// XDR (RFC 4506): big-endian words; opaque data padded with zeros to four bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "efs/base/byte_cursor.h"

namespace efs::rpc {

// Appends to a text of its own; reuse by clear() keeps the memory.
class XdrWriter {
 public:
  void u32(std::uint32_t value);
  void u64(std::uint64_t value);
  void boolean(bool value) { u32(value ? 1 : 0); }
  // Fixed length (RFC 4506 section 4.9): the reader knows the length.
  void fixed(std::string_view bytes);
  // Variable length (section 4.10, and strings, section 4.11): the length comes first.
  void opaque(std::string_view bytes);

  const std::string& bytes() const { return bytes_; }
  void clear() { bytes_.clear(); }

 private:
  std::string bytes_;
};

// Reads with a memory: after the first failed read every further one gives zero or nothing, and
// ok() is false. So a decoder reads all fields of a structure and asks once. Counts read from
// outside must still be compared with a limit before a loop.
class XdrReader {
 public:
  // The bytes must outlive the reader and the views it returns.
  explicit XdrReader(std::string_view bytes) : cursor_(bytes) {}

  bool ok() const { return ok_; }
  std::size_t left() const { return cursor_.left(); }

  std::uint32_t u32();
  std::uint64_t u64();
  // Fails for anything but 0 and 1 (section 4.4).
  bool boolean();
  std::string_view fixed(std::size_t length);
  // Fails when the length is above `limit`.
  std::string_view opaque(std::size_t limit);
  // For decoders that find a value they cannot accept.
  void fail() { ok_ = false; }

 private:
  ByteCursor cursor_;
  bool ok_ = true;
};

}  // namespace efs::rpc
