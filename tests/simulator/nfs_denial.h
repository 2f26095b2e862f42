// Policy denials as EFS shows them: the connection works, NULL and EXCHANGE_ID are answered, but
// the compound that asks for the root (or for any handle) gets NFS4ERR_ACCESS.
//
// The calls of a denied connection are cut after PUTROOTFH (so nothing behind it is carried out)
// and go to the NFS server like all others; in the reply the status of that operation is replaced.
// The result of SEQUENCE stays, so the session's slot is accounted for.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace efs::simulator {

// Cuts a byte stream into RPC records (RFC 5531 section 11). While `wants_whole` says no at the
// start of a record, its bytes pass through at once; otherwise the record is collected, handed to
// `transform` and sent on as a single fragment.
class RecordFilter {
 public:
  using WantsWhole = std::function<bool()>;
  // The record without its marks; may be changed in place. Nothing is sent on where it was emptied.
  using Transform = std::function<void(std::string& record)>;

  RecordFilter(WantsWhole wants_whole, Transform transform)
      : wants_whole_(std::move(wants_whole)), transform_(std::move(transform)) {}

  // Appends to `out` what may be sent on. False when a collected record exceeds the limit.
  bool feed(std::string_view bytes, std::string& out);

 private:
  static constexpr std::size_t kMostRecord = 8U << 20U;
  void startFragment(std::string& out);
  void finishRecord(std::string& out);

  WantsWhole wants_whole_;
  Transform transform_;
  bool in_record_ = false;  // behind the first fragment header of a record
  bool collecting_ = false;
  bool last_fragment_ = false;
  std::string header_;           // bytes of an incomplete fragment header
  std::uint32_t remaining_ = 0;  // bytes left of the current fragment
  std::string record_;           // collected so far
};

// What a connection is denied; asked at each call, because the control socket changes policies.
struct Denial {
  std::function<bool()> active;  // whether anything is denied now
  bool root = true;              // PUTROOTFH and PUTPUBFH
  bool handles = false;          // PUTFH
};

// The two filters of one connection and the calls between them.
class DenialFilter {
 public:
  // `on_denied` is called for each compound that is denied.
  DenialFilter(Denial denial, std::function<void()> on_denied);
  DenialFilter(const DenialFilter&) = delete;
  DenialFilter& operator=(const DenialFilter&) = delete;

  RecordFilter& calls() { return calls_; }
  RecordFilter& replies() { return replies_; }

 private:
  static constexpr std::size_t kMostPending = 4096;
  void onCall(std::string& record);
  void onReply(std::string& record);

  Denial denial_;
  std::map<std::uint32_t, std::uint32_t>
      pending_;  // xid -> number of results before the denied one
  std::function<void()> on_denied_;
  RecordFilter calls_;
  RecordFilter replies_;
};

}  // namespace efs::simulator
