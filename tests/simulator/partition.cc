#include "partition.h"

#include <algorithm>
#include <array>

#include "efs/base/byte_cursor.h"
#include "efs/base/text.h"

namespace efs::simulator {
namespace {

constexpr std::uint32_t kProgram = 400123;
constexpr std::uint32_t kBindClientToPartition = 2;
constexpr std::uint32_t kNfsProgram = 100003;
constexpr std::uint32_t kOpBindConnToSession = 41;
constexpr std::uint32_t kOpCreateSession = 43;
constexpr std::uint32_t kOpDestroySession = 44;
constexpr std::uint32_t kOpSequence = 53;
constexpr std::uint32_t kBadSession = 10052;
constexpr std::size_t kSessionId = 16;
constexpr std::size_t kPartition = 64;
constexpr std::uint32_t kSuccess = 0;
constexpr std::uint32_t kProgramUnavailable = 1;

// The number of an answer on the wire; the others are none.
const std::array<std::pair<const char*, std::uint32_t>, 6> kKinds{{{"retry", 0},
                                                                   {"retry-later", 1},
                                                                   {"preferred", 2},
                                                                   {"ready", 3},
                                                                   {"error", 4},
                                                                   {"unknown", 9}}};

std::optional<std::uint32_t> kindOf(const std::string& word) {
  for (const auto& [name, number] : kKinds) {
    if (word == name) return number;
  }
  return std::nullopt;
}

bool isPlace(const std::string& word) { return word == "ready" || word == "preferred"; }

std::string word(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xffU);
  return out;
}

std::string opaque(std::string_view bytes) {
  std::string out = word(static_cast<std::uint32_t>(bytes.size()));
  out += bytes;
  out.resize((out.size() + 3) & ~std::size_t{3});
  return out;
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char byte : bytes) {
    out += kDigits[static_cast<unsigned char>(byte) >> 4U];
    out += kDigits[static_cast<unsigned char>(byte) & 15U];
  }
  return out;
}

std::optional<std::string_view> readOpaque(ByteCursor& cursor) {
  const auto length = cursor.readU32();
  if (!length || *length > cursor.left()) return std::nullopt;
  const auto bytes = cursor.readBytes(*length);
  if (!bytes || !cursor.skip((4 - *length % 4) % 4)) return std::nullopt;
  return bytes;
}

struct Call {
  std::uint32_t xid = 0;
  std::uint32_t program = 0;
  std::uint32_t procedure = 0;
  ByteCursor arguments{{}};
};

std::optional<Call> parseCall(std::string_view record) {
  ByteCursor cursor(record);
  Call call;
  const auto xid = cursor.readU32();
  if (!xid || cursor.readU32() != 0U || cursor.readU32() != 2U) return std::nullopt;
  const auto program = cursor.readU32();
  if (!program || !cursor.skip(4)) return std::nullopt;
  const auto procedure = cursor.readU32();
  if (!procedure || !cursor.skip(4) || !readOpaque(cursor) || !cursor.skip(4) ||
      !readOpaque(cursor)) {
    return std::nullopt;
  }
  return Call{*xid, *program, *procedure, cursor};
}

// The first operation of a compound, and the session it names.
struct First {
  std::uint32_t operation = 0;
  std::string session;
};

First firstOf(ByteCursor cursor) {
  First first;
  if (!readOpaque(cursor)) return first;
  const auto minor = cursor.readU32();
  const auto count = cursor.readU32();
  const auto operation = cursor.readU32();
  if (minor.value_or(0) == 0 || count.value_or(0) == 0 || !operation) return first;
  first.operation = *operation;
  const bool names = *operation == kOpSequence || *operation == kOpBindConnToSession ||
                     *operation == kOpDestroySession;
  if (names) first.session = std::string(cursor.readBytes(kSessionId).value_or(""));
  return first;
}

}  // namespace

void SessionTable::made(const std::string& session, std::optional<int> partition) {
  const std::lock_guard lock(mutex_);
  partition_of_[session] = partition;
}

bool SessionTable::knownTo(const std::string& session, int partition) const {
  const std::lock_guard lock(mutex_);
  const auto found = partition_of_.find(session);
  // One that nobody saw being made was made on a connection that is bound to none.
  return found == partition_of_.end() || !found->second || *found->second == partition;
}

Status BindScript::set(const std::vector<std::string>& words) {
  std::vector<Answer> answers;
  for (const auto& text : words) {
    const auto parts = split(text, '=');
    const bool ends = parts[0] == "unserved" || parts[0] == "garbage" || parts[0] == "close" ||
                      parts[0] == "silent";
    const std::int64_t number = parts.size() == 2 ? parseInt(parts[1]).value_or(-1) : -1;
    const bool numbered = parts.size() == 2;
    if ((!ends && !kindOf(parts[0])) || (numbered && !isPlace(parts[0])) ||
        (numbered && (number < 0 || number >= partitions_))) {
      return Error(ErrorKind::kInvalidInput, "no answer to a bind call: " + text);
    }
    answers.push_back({parts[0], static_cast<int>(number)});
  }
  if (answers.empty()) answers.push_back({"ready", -1});
  const std::lock_guard lock(mutex_);
  answers_ = std::move(answers);
  at_ = 0;
  turn_ = 0;
  return {};
}

BindScript::Answer BindScript::next() {
  const std::lock_guard lock(mutex_);
  Answer answer = answers_[at_];
  if (at_ + 1 < answers_.size()) ++at_;
  if (answer.partition < 0) answer.partition = turn_++ % std::max(partitions_, 1);
  return answer;
}

PartitionFilter::PartitionFilter(const Partitions& terms, const std::string& fs_id,
                                 BindScript& script, SessionTable& sessions, PartitionEvents events)
    : terms_(terms),
      fs_id_(fs_id),
      script_(script),
      sessions_(sessions),
      events_(std::move(events)),
      calls_([this] { return first_ || partition_; },
             [this](std::string& record) { onCall(record); }),
      replies_([this] { return partition_.has_value(); },
               [this](std::string& record) { onReply(record); }) {}

void PartitionFilter::onCall(std::string& record) {
  const bool first = std::exchange(first_, false);
  auto call = parseCall(record);
  if (call && call->program == kProgram && call->procedure == kBindClientToPartition && first) {
    bind(call->xid, std::string_view(record).substr(call->arguments.position()));
    return record.clear();
  }
  if (!partition_) return;
  if (!call || call->program != kNfsProgram) return events_.call(true);
  const First begin = call->procedure == 1 ? firstOf(call->arguments) : First();
  events_.call(begin.operation != kOpSequence);
  if (begin.operation == kOpCreateSession) making_.insert(call->xid);
  if (begin.session.empty() || sessions_.knownTo(begin.session, *partition_)) return;
  events_.bad_session();
  // COMPOUND4res: status, no tag, one result.
  answer(call->xid, kSuccess,
         word(kBadSession) + word(0) + word(1) + word(begin.operation) + word(kBadSession));
  record.clear();
}

void PartitionFilter::onReply(std::string& record) {
  ByteCursor cursor(record);
  const auto xid = cursor.readU32();
  if (!xid || cursor.readU32() != 1U || making_.erase(*xid) == 0) return;
  // Accepted, verifier, success; status, tag, number of results, operation, its status.
  if (cursor.readU32() != 0U || !cursor.skip(4) || !readOpaque(cursor) || cursor.readU32() != 0U ||
      cursor.readU32() != 0U || !readOpaque(cursor) || !cursor.skip(4) ||
      cursor.readU32() != kOpCreateSession || cursor.readU32() != 0U) {
    return;
  }
  if (const auto session = cursor.readBytes(kSessionId))
    sessions_.made(std::string(*session), partition_);
}

std::string PartitionFilter::bindBody(const BindScript::Answer& given) const {
  std::string body = word(*kindOf(given.word));
  if (isPlace(given.word)) {
    std::string partition = fs_id_ + "/" + std::to_string(given.partition);
    partition.resize(kPartition);
    body += partition;
  } else if (given.word != "unknown") {
    body += opaque("the simulator was told to say " + given.word);
  }
  return body + word(terms_.max_connections) + word(terms_.bytes_per_sec) +
         word(terms_.exceeded_sec) + word(terms_.look_back_sec);
}

void PartitionFilter::bind(std::uint32_t xid, std::string_view arguments) {
  ByteCursor cursor(arguments);
  const auto identifier = readOpaque(cursor);
  const auto length = cursor.readU32();
  const auto incarnation = cursor.readU64();
  Binding binding;
  if (!identifier || identifier->size() > 16 || length != 8U || !incarnation || !cursor.atEnd()) {
    binding.answer = "malformed";
    closes_ = true;
    return events_.bound(binding);
  }
  const BindScript::Answer given = script_.next();
  binding = {given.word, std::nullopt, hex(*identifier), *incarnation};
  if (given.word == "ready") partition_ = binding.partition = given.partition;
  closes_ = given.word == "close";
  if (given.word == "unserved") answer(xid, kProgramUnavailable, "");
  if (given.word == "garbage") answer(xid, kSuccess, "\1\2\3");
  if (kindOf(given.word)) answer(xid, kSuccess, bindBody(given));
  events_.bound(binding);
}

// Accepted, with an empty verifier.
void PartitionFilter::answer(std::uint32_t xid, std::uint32_t accepted, const std::string& body) {
  const std::string message =
      word(xid) + word(1) + word(0) + word(0) + word(0) + word(accepted) + body;
  answers_ += word(0x80000000U | static_cast<std::uint32_t>(message.size())) + message;
}

}  // namespace efs::simulator
