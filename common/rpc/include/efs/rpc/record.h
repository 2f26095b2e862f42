// Record marking (RFC 5531 section 11): on a stream every RPC message is one record of one or more
// fragments, each behind a mark of four bytes: the top bit says "last", 31 bits give the length.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "efs/base/result.h"

namespace efs::rpc {

inline constexpr std::size_t kMarkSize = 4;

// Contract TUN-13: the largest fragment is 1 MiB of data and 4 KiB of headers.
inline constexpr std::size_t kMaxFragment = (std::size_t{1} << 20U) + 4096;

struct RecordLimits {
  std::size_t fragment = kMaxFragment;
  std::size_t record = 2 * kMaxFragment;
};

struct RecordMark {
  std::uint32_t length = 0;
  bool last = false;
  static RecordMark decode(std::uint32_t word);
  std::uint32_t encode() const;
};

// The message as one record of one fragment.
std::string wrapRecord(std::string_view message);

// Follows a stream from mark to mark without keeping any of it: for passing bytes on where only the
// ends of records matter. Allocates nothing.
class RecordTracker {
 public:
  explicit RecordTracker(RecordLimits limits = {}) : limits_(limits) {}

  struct Step {
    std::size_t bytes = 0;      // taken from the front of the input
    bool payload = false;       // false: they belong to a mark
    bool record_ended = false;  // with these bytes
  };
  // Takes a part of `bytes` that is all mark or all payload; at least one byte of a non-empty
  // input. kProtocol for a fragment or a record above the limits and for an empty fragment that is
  // not the last one (it would let a peer send for ever without a message); the stream is then
  // lost.
  Result<Step> advance(std::string_view bytes);

  // True before the first byte of a mark that begins a record.
  bool betweenRecords() const { return mark_bytes_ == 0 && fragment_left_ == 0 && record_ == 0; }
  // Payload still to come of the current fragment.
  std::size_t fragmentLeft() const { return fragment_left_; }

 private:
  Result<Step> startFragment(std::size_t mark_bytes_taken);

  RecordLimits limits_;
  std::uint32_t mark_ = 0;
  std::size_t mark_bytes_ = 0;  // of the current mark, already read
  std::size_t fragment_left_ = 0;
  std::size_t record_ = 0;  // payload announced so far by the current record's marks
  bool last_ = false;
};

// Collects whole records, marks taken out. The buffer is reused: no allocation per record once it
// has grown to the size in use.
class RecordReader {
 public:
  explicit RecordReader(RecordLimits limits = {}) : tracker_(limits) {}

  // Takes bytes up to the end of the current record and says how many. Errors as RecordTracker.
  Result<std::size_t> feed(std::string_view bytes);
  // True after the feed() that brought the last byte of a record, until the next one.
  bool complete() const { return complete_; }
  // The record; valid until the next feed().
  std::string_view record() const { return record_; }
  // False when the stream stopped inside a record.
  bool betweenRecords() const { return tracker_.betweenRecords(); }

 private:
  RecordTracker tracker_;
  std::string record_;
  bool complete_ = false;
};

}  // namespace efs::rpc
