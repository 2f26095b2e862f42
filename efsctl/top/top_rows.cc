#include <algorithm>
#include <limits>
#include <map>

#include "efs/efsctl/top.h"

namespace efs::efsctl {
namespace {

using tunnel_control::LatencyCounts;
using tunnel_control::TunnelNumbers;

// Counters that went back are another's: they count from zero.
std::uint64_t since(std::uint64_t before, std::uint64_t now) {
  return now >= before ? now - before : now;
}

TopCounts since(const TopCounts& before, const TopCounts& now) {
  const bool anew = now.calls < before.calls;
  const TopCounts& from = anew ? TopCounts{} : before;
  return {.calls = since(from.calls, now.calls),
          .sent = since(from.sent, now.sent),
          .bytes = since(from.bytes, now.bytes),
          .total_ms = since(from.total_ms, now.total_ms),
          .errors = since(from.errors, now.errors)};
}

TopRow rowOf(const TopMount& mount, std::string_view kind, const TopCounts& counts,
             double seconds) {
  TopRow row;
  row.mount_point = mount.mount_point;
  row.kind = kind;
  row.state = mount.state;
  row.well = mount.well;
  row.calls = static_cast<double>(counts.calls) / seconds;
  row.bytes = static_cast<double>(counts.bytes) / seconds;
  row.resent = counts.sent > counts.calls ? counts.sent - counts.calls : 0;
  if (counts.calls > 0) {
    row.mean_ms = static_cast<double>(counts.total_ms) / static_cast<double>(counts.calls);
  }
  return row;
}

// The upper end of the bucket that holds this part of all; that of the last is infinite.
std::optional<double> quantile(const LatencyCounts& counts, double part) {
  std::uint64_t all = 0;
  for (const auto count : counts) all += count;
  if (all == 0) return std::nullopt;
  const auto wanted = static_cast<double>(all) * part;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    sum += counts.at(i);
    if (static_cast<double>(sum) < wanted) continue;
    return i + 1 == counts.size() ? std::numeric_limits<double>::infinity()
                                  : static_cast<double>(std::uint64_t{1} << i);
  }
  return std::nullopt;
}

void takeTunnel(TopRow& row, const TunnelNumbers& before, const TunnelNumbers& now, double seconds,
                bool kernel_tells) {
  LatencyCounts latency{};
  std::uint64_t answers = 0;
  for (std::size_t i = 0; i < latency.size(); ++i) {
    latency.at(i) = since(before.latency.at(i), now.latency.at(i));
    answers += latency.at(i);
  }
  row.p50_ms = quantile(latency, 0.5);
  row.p99_ms = quantile(latency, 0.99);
  row.reconnects = since(before.reconnects, now.reconnects);
  row.waiting = now.outstanding;
  if (kernel_tells) return;
  row.calls = static_cast<double>(since(before.calls, now.calls)) / seconds;
  row.bytes = static_cast<double>(since(before.bytes_up, now.bytes_up) +
                                  since(before.bytes_down, now.bytes_down)) /
              seconds;
  row.resent.reset();
  if (answers > 0) {
    row.mean_ms = static_cast<double>(since(before.latency_ms, now.latency_ms)) /
                  static_cast<double>(answers);
  }
}

TopGroup groupOf(const TopMount& before, const TopMount& now, double seconds) {
  TopCounts all;
  TopGroup group;
  const std::array<TopCounts, kNfsClasses> none{};
  const auto& old = before.classes ? *before.classes : none;
  for (std::size_t i = 0; now.classes && i < kNfsClasses; ++i) {
    const TopCounts counts = since(old.at(i), now.classes->at(i));
    all = {.calls = all.calls + counts.calls,
           .sent = all.sent + counts.sent,
           .bytes = all.bytes + counts.bytes,
           .total_ms = all.total_ms + counts.total_ms,
           .errors = all.errors + counts.errors};
    if (counts.calls == 0) continue;
    group.classes.push_back(rowOf(now, nfsClassName(static_cast<NfsClass>(i)), counts, seconds));
  }
  group.all = rowOf(now, "all", all, seconds);
  if (now.tunnel) {
    const TunnelNumbers old_tunnel = before.tunnel.value_or(TunnelNumbers{});
    takeTunnel(group.all, old_tunnel, *now.tunnel, seconds, now.classes.has_value());
  } else if (now.connects) {
    group.all.reconnects = since(before.connects.value_or(*now.connects), *now.connects);
  }
  return group;
}

}  // namespace

std::vector<TopGroup> topGroups(const TopSample& before, const TopSample& now) {
  std::map<std::string, const TopMount*> known;
  for (const auto& mount : before.mounts) known[mount.name] = &mount;
  const double seconds = std::max(std::chrono::duration<double>(now.at - before.at).count(), 0.001);
  std::vector<TopGroup> groups;
  for (const auto& mount : now.mounts) {
    // One that is new would show all its past as if it were of this moment.
    const auto found = known.find(mount.name);
    groups.push_back(groupOf(found == known.end() ? mount : *found->second, mount, seconds));
  }
  return groups;
}

std::vector<TopGroup> arranged(std::vector<TopGroup> groups, const TopLook& look) {
  const auto has = [&](const std::string& text) {
    return text.find(look.filter) != std::string::npos;
  };
  for (auto& group : groups) {
    if (!has(group.all.mount_point)) {
      std::erase_if(group.classes, [&](const TopRow& row) { return !has(row.kind); });
    }
    std::stable_sort(group.classes.begin(), group.classes.end(),
                     [](const TopRow& a, const TopRow& b) { return a.calls > b.calls; });
  }
  std::erase_if(groups, [&](const TopGroup& group) {
    return !has(group.all.mount_point) && group.classes.empty();
  });
  std::stable_sort(groups.begin(), groups.end(), [&](const TopGroup& a, const TopGroup& b) {
    switch (look.sort) {
      case TopSort::kCalls:
        return a.all.calls > b.all.calls;
      case TopSort::kBytes:
        return a.all.bytes > b.all.bytes;
      case TopSort::kLatency:
        return a.all.mean_ms.value_or(-1) > b.all.mean_ms.value_or(-1);
      case TopSort::kName:
        break;
    }
    return a.all.mount_point < b.all.mount_point;
  });
  return groups;
}

}  // namespace efs::efsctl
