#include "efs/rpc/record.h"

#include <algorithm>

#include "efs/rpc/xdr.h"

namespace efs::rpc {
namespace {

constexpr std::uint32_t kLastBit = 0x80000000U;

}  // namespace

RecordMark RecordMark::decode(std::uint32_t word) {
  return {word & ~kLastBit, (word & kLastBit) != 0};
}

std::uint32_t RecordMark::encode() const { return length | (last ? kLastBit : 0U); }

std::string wrapRecord(std::string_view message) {
  XdrWriter mark;
  mark.u32(RecordMark{static_cast<std::uint32_t>(message.size()), true}.encode());
  return mark.bytes() + std::string(message);
}

Result<RecordTracker::Step> RecordTracker::advance(std::string_view bytes) {
  if (bytes.empty()) return Step();
  if (fragment_left_ != 0) {
    const std::size_t taken = std::min(fragment_left_, bytes.size());
    fragment_left_ -= taken;
    const bool ended = fragment_left_ == 0 && last_;
    if (ended) record_ = 0;
    return Step{taken, true, ended};
  }
  std::size_t taken = 0;
  while (taken < bytes.size() && mark_bytes_ < kMarkSize) {
    mark_ = (mark_ << 8U) | static_cast<unsigned char>(bytes[taken]);
    ++taken;
    ++mark_bytes_;
  }
  if (mark_bytes_ < kMarkSize) return Step{taken, false, false};
  return startFragment(taken);
}

Result<RecordTracker::Step> RecordTracker::startFragment(std::size_t mark_bytes_taken) {
  const RecordMark mark = RecordMark::decode(mark_);
  if (mark.length > limits_.fragment) {
    return Error(ErrorKind::kProtocol, "RPC fragment of " + std::to_string(mark.length) +
                                           " bytes, the limit is " +
                                           std::to_string(limits_.fragment));
  }
  if (mark.length == 0 && !mark.last) {
    return Error(ErrorKind::kProtocol, "empty RPC fragment inside a record");
  }
  if (mark.length > limits_.record - record_) {
    return Error(ErrorKind::kProtocol,
                 "RPC record longer than " + std::to_string(limits_.record) + " bytes");
  }
  mark_ = 0;
  mark_bytes_ = 0;
  fragment_left_ = mark.length;
  last_ = mark.last;
  record_ += mark.length;
  const bool ended = fragment_left_ == 0;
  if (ended) record_ = 0;
  return Step{mark_bytes_taken, false, ended};
}

Result<std::size_t> RecordReader::feed(std::string_view bytes) {
  if (complete_) {
    record_.clear();
    complete_ = false;
  }
  std::size_t taken = 0;
  while (taken < bytes.size() && !complete_) {
    EFS_TRY(step, tracker_.advance(bytes.substr(taken)));
    if (step.payload) record_.append(bytes.substr(taken, step.bytes));
    taken += step.bytes;
    complete_ = step.record_ended;
  }
  return taken;
}

}  // namespace efs::rpc
