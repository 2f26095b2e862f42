#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "efs/base/text.h"
#include "efs/efsctl/explain.h"
#include "efs/mounts/mount_options.h"
#include "efs/settings/ini_file.h"
#include "efs/state/state_store.h"
#include "efs/tunnel_control/tunnel_launcher.h"
#include "facts/fact_finder.h"
#include "plan/direct_plan.h"
#include "plan/mount_plan.h"
#include "request/mount_request.h"
#include "request/option_spelling.h"
#include "request/option_table.h"

namespace efs::efsctl {
namespace {

using mount_helper::FactFinder;
using mount_helper::MountFacts;
using mount_helper::MountPlan;
using mount_helper::MountRequest;

constexpr const char* kDefault = "built in";
constexpr const char* kDevice = "the device";

// One explanation in the making.
class Explainer {
 public:
  Explainer(const ExplainOptions& options, const settings::IniFile& ini,
            const settings::Settings& settings, const Clock& clock)
      : options_(options), ini_(ini), settings_(settings), clock_(clock) {}

  Result<Explanation> run() {
    mount_helper::CommandLine command;
    command.device = options_.device;
    command.mountpoint = options_.mountpoint;
    command.options = options_.options;
    command.fake = true;
    command.kind = options_.kind;
    EFS_TRY(request, makeMountRequest(command));
    request_ = std::move(request);
    tellRequest();
    FactFinder finder(request_, settings_, clock_);
    const Status found = tellFacts(finder);
    direct_ = mountsDirectly(request_, settings_.mount);
    if (found) {
      direct_ ? tellDirectPlan() : tellPlan();
    } else {
      result_.missing = found.error();
    }
    if (!direct_) result_.watchdog = watchdogStories(settings_, request_.tls);
    return std::move(result_);
  }

 private:
  void section(std::string title) { result_.sections.push_back({std::move(title), {}}); }
  void row(std::string name, const std::string& value, const std::string& from) {
    result_.sections.back().rows.push_back(
        {std::move(name), printable(value, 1000), printable(from, 1000)});
  }
  void flag(std::string name, bool value, const std::string& from) {
    row(std::move(name), value ? "yes" : "no", from);
  }

  // Where the value of a configuration key comes from.
  std::string keySource(const char* key, const std::string& region = {}) const {
    const auto has = [&](const std::string& name) {
      const auto found = ini_.find(name, key);
      return ini_.hasSection(name) && found && found->has_value();
    };
    const std::string of_region = "mount." + region;
    if (!region.empty() && has(of_region)) {
      return fmt::format("key {} of [{}] in {}", key, of_region, ini_.name());
    }
    return has("mount") ? fmt::format("key {} of [mount] in {}", key, ini_.name()) : kDefault;
  }

  void tellRequest() {
    section("What is asked for");
    const auto given = mounts::OptionList::parse(options_.options);
    row("type", std::string(factsOf(request_.kind).type), "option -t");
    row("file system", request_.device.fs_id.empty() ? "?" : request_.device.fs_id,
        given.has("fsid") ? "option fsid" : kDevice);
    row("directory", request_.device.path, kDevice);
    row("mount point", request_.mountpoint, "the command line");
    for (const auto& [name, value] : given.all()) tellOption(name, value);
    const std::string doubt = mount_helper::spellingHint(request_.nfs_options, request_.kind);
    if (!doubt.empty()) row("warning", doubt, "the kernel would refuse it");
  }

  void tellOption(const std::string& name, const std::optional<std::string>& value) {
    const std::string text = value ? *value : "on";
    const auto* known = mount_helper::findOption(name);
    if (known != nullptr) return row("option " + name, text, std::string(known->help));
    mounts::OptionList alone;
    alone.set(name, value);
    const auto sorted = mounts::sortOptions(alone);
    std::string who = "for the kernel's NFS client, see nfs(5)";
    if (sorted && sorted->nfs.empty()) {
      who = sorted->vfs.empty() ? "for mount(8) and systemd alone" : "for the kernel, see mount(8)";
    }
    row("option " + name, text, who);
  }

  Status tellFacts(FactFinder& finder) {
    section("What was found out");
    if (::geteuid() != 0) {
      row("user", fmt::format("uid {}", ::geteuid()), "mount.efs runs as root and may see others");
    }
    if (request_.device.fs_id.empty()) {
      EFS_TRY(name, finder.canonicalName());
      EFS_CHECK(adoptCanonicalName(request_, name));
      row("file system", request_.device.fs_id, "DNS: the device is an alias of " + name);
    }
    EFS_TRY(region, finder.region());
    facts_.region = std::move(region);
    row("region", facts_.region, finder.regionSource());
    finder.startLookups(facts_.region);
    EFS_TRY(target, finder.mountTarget(facts_.region));
    facts_.target = std::move(target);
    tellTarget();
    facts_.host_name = mount_helper::hostName();
    if (!request_.iam) return {};
    EFS_TRY(credentials, finder.credentials(facts_.region));
    row("identity",
        credentials.arn.empty() ? "access key " + credentials.access_key_id : credentials.arn,
        credentials.source);
    facts_.credentials = std::move(credentials);
    facts_.credentials_origin = finder.credentialsOrigin();
    return {};
  }

  void tellTarget() {
    const auto& target = facts_.target;
    std::string from = "DNS or /etc/hosts";
    if (!request_.mount_target_ips.empty()) {
      from = request_.device.address ? kDevice : "option mounttargetip";
    } else if (!target.connect_host.empty() && !request_.device.own_name) {
      from = "the EFS API, as DNS has no answer";
    }
    row("mount target", target.dns_name, from);
    row("address", target.first_address, from);
    const bool chosen = request_.az || request_.zone_id;
    const char* option = request_.kind == FileSystemKind::kEfs ? "option az" : "option azid";
    if (target.az) row("zone", *target.az, chosen ? option : "instance metadata");
  }

  void tellPlan() {
    section("What would be done");
    const bool chosen = request_.tls_port.has_value();
    facts_.port = request_.tls_port.value_or(settings_.mount.port_lower);
    if (const auto binary = tunnel_control::findTunnelBinary()) facts_.tunnel_binary = *binary;
    const state::StateStore store(state::kStateDirectory);
    const MountPlan plan = planMount(request_, facts_, settings_,
                                     store.paths(mountNameOf(request_, facts_)), clock_.now());
    row("tunnel", facts_.tunnel_binary.empty() ? "not installed" : facts_.tunnel_binary,
        "the first efs-proxy of the system's folders");
    row("local port",
        chosen ? std::to_string(facts_.port)
               : fmt::format("a free one of {} to {}", settings_.mount.port_lower,
                             settings_.mount.port_upper - 1),
        chosen ? "option tlsport" : keySource("port_range_lower_bound"));
    row("connects to", fmt::format("{}:{}", plan.tunnel.connect_host, plan.tunnel.connect_port),
        "the mount target");
    flag("encrypted", request_.tls, request_.tls ? "option tls" : "without option tls");
    if (request_.tls) tellTls(plan);
    row("files", plan.paths.state, "the state directory; the port is part of the name");
    tellNfs(plan.nfs, plan.rsize);
  }

  void tellTls(const MountPlan& plan) {
    const bool verified = plan.tunnel.verify != 0;
    flag("server checked", verified, request_.verify ? "option verify" : kDefault);
    if (verified) {
      row("authorities", plan.tunnel.ca_file,
          request_.ca_file ? "option cafile" : keySource("stunnel_cafile", facts_.region));
      row("name checked", plan.tunnel.check_host.empty() ? "none" : plan.tunnel.check_host,
          keySource("stunnel_check_cert_hostname"));
    }
    flag("revocation asked", plan.tunnel.ocsp,
         request_.ocsp ? "option ocsp or noocsp" : keySource("stunnel_check_cert_validity"));
    flag("FIPS", plan.tunnel.fips, keySource("fips_mode_enabled"));
    row("ciphers", plan.tunnel.ciphers.empty() ? "forward secret AEAD" : plan.tunnel.ciphers,
        keySource("tls_ciphers"));
    row("connections", fmt::format("up to {}", settings_.mount.max_connections),
        keySource("max_connections"));
    row("access point", request_.access_point.value_or("none"),
        request_.device.access_point ? kDevice : "option accesspoint");
    row("signed by", facts_.credentials ? facts_.credentials->source : "nobody, anonymous",
        request_.iam ? "option iam" : "without option iam");
  }

  void tellDirectPlan() {
    section("What would be done");
    row("tunnel", "none: no encryption, no supervision",
        request_.no_tunnel ? "option notunnel" : "stunnel or ocsp without tls");
    tellNfs(planDirectMount(request_, facts_.target), 0);
  }

  void tellNfs(const mounts::NfsMountRequest& nfs, unsigned long rsize) {
    row("mounts", nfs.source + " at " + nfs.target + ", type nfs4", "the plan");
    for (const auto& [name, value] : nfs.options.all()) {
      std::string from = request_.nfs_options.has(name) ? "your options" : kDefault;
      if (name == "port" && !direct_) from = "the tunnel's";
      row("  " + name, value.value_or(""), from);
    }
    if (rsize == 0) return;
    row("read-ahead",
        settings_.mount.optimize_readahead ? fmt::format("{} KiB", 15 * rsize / 1024) : "kernel's",
        keySource("optimize_readahead"));
    row("tries",
        settings_.mount.retry_nfs_mount ? std::to_string(settings_.mount.retry_nfs_mount_count)
                                        : std::string("1"),
        keySource("retry_nfs_mount_command_count"));
  }

  const ExplainOptions& options_;
  const settings::IniFile& ini_;
  const settings::Settings& settings_;
  const Clock& clock_;
  bool direct_ = false;
  MountRequest request_;
  MountFacts facts_;
  Explanation result_;
};

}  // namespace

Result<Explanation> explainMount(const ExplainOptions& options, const Clock& clock) {
  const auto& path = options.config;
  EFS_TRY(ini, settings::IniFile::load(path.empty() ? settings::configPath(options.kind) : path));
  EFS_TRY(settings, settings::Settings::fromIni(ini, options.kind));
  return Explainer(options, ini, settings, clock).run();
}

}  // namespace efs::efsctl
