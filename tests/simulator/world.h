// World: what the control socket can change while the simulator runs, and what it remembers.
//
// Every server holds a reference; all members may be called from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api_state.h"
#include "config.h"
#include "efs/base/clock.h"
#include "partition.h"

namespace efs::simulator {

enum class DnsMode { kOk, kDown, kServfail };
enum class ImdsMode { kOk, kDown, kV1Only, kNoRole, kExpired };
// The last is that of the APIs' own names, not of a mount target.
enum class ServerCertificate { kOk, kWrongName, kWrongChain, kExpired, kEndpoints };

// Why a connection or a compound was turned away.
struct Refusal {
  std::string field;   // certificate field or policy, e.g. "client_auth.signature"
  std::string reason;  // one phrase
};

struct DnsAnswer {
  bool name_exists = false;
  std::vector<std::string> addresses;  // numeric, of both families
  // Alias and what it stands for, link by link; the addresses are those of the last one.
  std::vector<std::pair<std::string, std::string>> aliases;
};

// How an endpoint of credential_endpoints.h misbehaves.
struct EndpointFault {
  std::string kind;  // "", "truncated", "garbage", "huge", "blackhole"
  int status = 0;    // answered instead, when not 0
  int delay_ms = 0;
};

class World {
 public:
  World(Config config, const Clock& clock);

  const Config& config() const { return config_; }
  const Clock& clock() const { return clock_; }

  // The server's idea of the time: the real one plus the offset of the `clock` command.
  WallTime now() const;
  void setClockOffset(std::int64_t seconds) { clock_offset_sec_ = seconds; }

  Policy policy(const std::string& fs_id) const;
  // False when there is no such file system.
  bool setDenyAll(const std::string& fs_id, bool on);
  bool setRequireIam(const std::string& fs_id, bool on);
  bool setRequireTls(const std::string& fs_id, bool on);

  std::optional<Identity> identityOfKey(std::string_view access_key_id) const;
  // The newest credentials of the instance role; nullopt where the instance has none.
  std::optional<Identity> instanceRole() const;
  // The newest keys of a role; nullopt when no identity has it.
  std::optional<Identity> identityOfRole(std::string_view role) const;
  EndpointFault endpointFault(const std::string& endpoint) const;
  void setEndpointFault(const std::string& endpoint, const EndpointFault& fault);
  // New keys for every identity with a role. Earlier keys stay valid, as AWS keeps them until they
  // expire, unless `revoke` is set.
  Status rotateCredentials(bool revoke);

  DnsAnswer lookUp(std::string_view lower_case_name) const;
  // A CNAME record, and an address record for a name outside EFS; an empty text removes it. Names
  // in lower case.
  void setAlias(const std::string& name, const std::string& target);
  void setHost(const std::string& name, const std::string& ip);
  void hideName(const std::string& lower_case_name, bool hidden);
  // Current mount targets; nullopt: no such file system.
  std::optional<std::vector<TargetConfig>> targetsOf(const std::string& fs_id) const;
  // DNS follows a mount target to its new address.
  void moveTarget(const std::string& fs_id, const std::string& az, const std::string& ip);

  // Appends to work_dir/refusals.log; `kind` is "certificate", "tls" or "policy".
  void recordRefusal(std::string_view kind, const std::string& fs_id, const std::string& peer,
                     const Refusal& refusal);
  // JSON of the last refusal, "none" when there was none.
  std::string lastRefusal() const;

  ApiState api;
  SessionTable sessions;

  std::atomic<DnsMode> dns_mode{DnsMode::kOk};
  std::atomic<int> dns_delay_ms{0};
  std::atomic<ImdsMode> imds_mode{ImdsMode::kOk};
  std::atomic<int> imds_delay_ms{0};
  std::atomic<int> imds_hop_limit{0};  // of the tokens' packets; 0: the system's
  std::atomic<ServerCertificate> server_certificate{ServerCertificate::kOk};
  std::atomic<bool> handshake_stall{false};
  std::atomic<bool> strict_skew{false};
  // Where new connections meet a policy denial: at PUTROOTFH, or else at the first PUTFH.
  std::atomic<bool> deny_at_root{true};

 private:
  std::vector<std::string> addressesOf(std::string_view name) const;
  bool isEndpoint(std::string_view name) const;
  FileSystem* findFileSystem(const std::string& fs_id);

  Config config_;  // constant after construction
  const Clock& clock_;
  std::atomic<std::int64_t> clock_offset_sec_{0};
  mutable std::mutex mutex_;              // guards all below
  std::vector<FileSystem> file_systems_;  // current policies and addresses
  std::vector<Identity> identities_;      // oldest first
  std::set<std::string> hidden_names_;
  std::map<std::string, std::string> aliases_, hosts_;
  std::map<std::string, EndpointFault> endpoint_faults_;
  std::string last_refusal_ = "none";
};

// Random text of `bytes` bytes as lower-case hexadecimal.
Result<std::string> randomHex(std::size_t bytes);

}  // namespace efs::simulator
