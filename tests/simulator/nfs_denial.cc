#include "nfs_denial.h"

#include "efs/base/byte_cursor.h"

namespace efs::simulator {
namespace {

constexpr std::uint32_t kLastFragment = 0x80000000U;
constexpr std::uint32_t kNfsProgram = 100003;
constexpr std::uint32_t kOpPutFh = 22;
constexpr std::uint32_t kOpPutRootFh = 24;
constexpr std::uint32_t kOpSequence = 53;
constexpr std::size_t kSequenceArgs = 32;    // RFC 8881 section 18.46.1
constexpr std::size_t kSequenceResult = 36;  // section 18.46.2, without the status
constexpr std::uint32_t kNfsAccess = 13;     // NFS4ERR_ACCESS

void store32(std::string& bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[at + i] = static_cast<char>(value >> (24U - 8U * i) & 0xffU);
  }
}

bool skipOpaque(ByteCursor& cursor) {
  const auto length = cursor.readU32();
  if (!length || *length > cursor.left()) return false;
  return cursor.skip((*length + 3U) & ~std::size_t{3});
}

bool expect(ByteCursor& cursor, std::uint32_t value) { return cursor.readU32() == value; }

// A compound call that starts with [SEQUENCE,] PUTROOTFH | PUTPUBFH | PUTFH.
struct RootCall {
  std::uint32_t xid = 0;
  std::uint32_t operation = 0;
  std::uint32_t results_before = 0;  // 1 behind SEQUENCE
  std::size_t count_at = 0;          // where the number of operations stands
  std::size_t end = 0;               // behind the arguments of the operation
};

std::optional<RootCall> parseCall(std::string_view record) {
  ByteCursor cursor(record);
  RootCall call;
  const auto xid = cursor.readU32();
  // CALL, RPC 2, NFS, version 4, COMPOUND, credential, verifier, tag, minor version.
  if (!xid || !expect(cursor, 0) || !expect(cursor, 2) || !expect(cursor, kNfsProgram) ||
      !expect(cursor, 4) || !expect(cursor, 1) || !cursor.skip(4) || !skipOpaque(cursor) ||
      !cursor.skip(4) || !skipOpaque(cursor) || !skipOpaque(cursor) || !cursor.skip(4)) {
    return std::nullopt;
  }
  call.xid = *xid;
  call.count_at = cursor.position();
  const auto count = cursor.readU32();
  auto operation = cursor.readU32();
  if (count && operation == kOpSequence && *count > 1) {
    if (!cursor.skip(kSequenceArgs)) return std::nullopt;
    call.results_before = 1;
    operation = cursor.readU32();
  }
  if (!count || !operation) return std::nullopt;
  if (*operation == kOpPutFh && !skipOpaque(cursor)) return std::nullopt;
  // PUTFH 22, PUTPUBFH 23, PUTROOTFH 24.
  if (*operation < kOpPutFh || *operation > kOpPutRootFh) return std::nullopt;
  call.operation = *operation;
  call.end = cursor.position();
  return call;
}

}  // namespace

bool RecordFilter::feed(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    if (remaining_ == 0) {
      header_ += bytes.front();
      bytes.remove_prefix(1);
      if (header_.size() == 4) startFragment(out);
      continue;
    }
    const std::string_view part = bytes.substr(0, remaining_);
    bytes.remove_prefix(part.size());
    remaining_ -= static_cast<std::uint32_t>(part.size());
    if (collecting_) {
      if (part.size() > kMostRecord - record_.size()) return false;
      record_ += part;
    } else {
      out += part;
    }
    if (remaining_ == 0 && last_fragment_) finishRecord(out);
  }
  return true;
}

void RecordFilter::finishRecord(std::string& out) {
  in_record_ = false;
  if (!collecting_) return;
  const bool had_bytes = !record_.empty();
  transform_(record_);
  if (had_bytes && record_.empty()) return;
  std::string mark(4, '\0');
  store32(mark, 0, kLastFragment | static_cast<std::uint32_t>(record_.size()));
  out += mark;
  out += record_;
  record_.clear();
}

void RecordFilter::startFragment(std::string& out) {
  const std::uint32_t header = ByteCursor(header_).readU32().value_or(0);
  if (!in_record_) collecting_ = wants_whole_();
  in_record_ = true;
  last_fragment_ = (header & kLastFragment) != 0;
  remaining_ = header & ~kLastFragment;
  if (!collecting_) out += header_;
  header_.clear();
  if (remaining_ == 0 && last_fragment_) finishRecord(out);
}

DenialFilter::DenialFilter(Denial denial, std::function<void()> on_denied)
    : denial_(std::move(denial)),
      on_denied_(std::move(on_denied)),
      calls_([this] { return denial_.active(); }, [this](std::string& record) { onCall(record); }),
      replies_([this] { return !pending_.empty(); },
               [this](std::string& record) { onReply(record); }) {}

void DenialFilter::onCall(std::string& record) {
  const auto call = parseCall(record);
  if (!call) return;
  const bool denied = call->operation == kOpPutFh ? denial_.handles : denial_.root;
  if (!denied || pending_.size() >= kMostPending) return;
  store32(record, call->count_at, call->results_before + 1);
  record.resize(call->end);
  pending_[call->xid] = call->results_before;
  on_denied_();
}

void DenialFilter::onReply(std::string& record) {
  ByteCursor cursor(record);
  const auto xid = cursor.readU32();
  const auto entry = xid ? pending_.find(*xid) : pending_.end();
  // The server's own calls (backchannel) carry xids of their own: only a REPLY may match.
  if (entry == pending_.end() || !expect(cursor, 1)) return;
  const std::uint32_t results_before = entry->second;
  pending_.erase(entry);
  if (!expect(cursor, 0) || !cursor.skip(4) || !skipOpaque(cursor) || !expect(cursor, 0)) return;
  const std::size_t status_at = cursor.position();
  if (!cursor.skip(4) || !skipOpaque(cursor)) return;
  const auto count = cursor.readU32();
  if (!count || *count < results_before + 1) return;
  if (results_before == 1 &&
      (!expect(cursor, kOpSequence) || !expect(cursor, 0) || !cursor.skip(kSequenceResult))) {
    return;  // SEQUENCE itself failed: that error is the answer
  }
  if (!cursor.skip(4)) return;
  const std::size_t result_at = cursor.position();
  if (!cursor.skip(4)) return;
  store32(record, status_at, kNfsAccess);
  store32(record, result_at, kNfsAccess);
  record.resize(result_at + 4);
}

}  // namespace efs::simulator
