// Any bytes as a stream of RPC records, whole and in pieces: the records are the same, the limits
// hold, and the headers of each record can be looked at.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "efs/rpc/message.h"
#include "efs/rpc/record.h"

namespace {

constexpr efs::rpc::RecordLimits kLimits{64, 128};

struct Outcome {
  std::vector<std::string> records;
  bool broken = false;
  bool operator==(const Outcome&) const = default;
};

Outcome readStream(std::string_view stream, std::size_t step) {
  Outcome outcome;
  efs::rpc::RecordReader reader(kLimits);
  while (!stream.empty()) {
    const auto taken = reader.feed(stream.substr(0, step));
    outcome.broken = !taken;
    if (!taken) break;
    if (*taken == 0) std::abort();
    if (reader.record().size() > kLimits.record) std::abort();
    if (reader.complete()) outcome.records.emplace_back(reader.record());
    stream.remove_prefix(*taken);
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  const auto whole = readStream(stream, std::max<std::size_t>(size, 1));
  if (readStream(stream, 1) != whole || readStream(stream, 7) != whole) std::abort();
  for (const auto& record : whole.records) {
    const auto prefix = efs::rpc::readPrefix(record);
    efs::rpc::XdrReader call(record);
    efs::rpc::readCall(call);
    if (call.ok() && !prefix) std::abort();
    efs::rpc::XdrReader reply(record);
    (void)efs::rpc::readReply(reply, prefix ? prefix->xid : 0);
  }
  return 0;
}
