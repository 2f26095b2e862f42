#include "efs/tls_tunnel/address_book.h"

#include <algorithm>

#include "efs/base/text.h"

namespace efs::tls_tunnel {
namespace {

// More than a resolver returns (kMaxAddresses of common/net).
constexpr std::size_t kMostFailures = 64;
constexpr int kMaxPort = 65535;

}  // namespace

void AddressBook::served(const net::Endpoint& address) {
  last_good_ = address;
  forget(address.ip());
}

void AddressBook::failed(const net::Endpoint& address, MonoTime now) {
  // One entry an address, the latest: the list cannot grow by an address that fails often.
  forget(address.ip());
  failures_.push_back({address.ip(), now});
  if (failures_.size() > kMostFailures) failures_.erase(failures_.begin());
}

void AddressBook::forget(const std::string& ip) {
  std::erase_if(failures_, [&](const Failure& failure) { return failure.ip == ip; });
}

const AddressBook::Failure* AddressBook::failureOf(const net::Endpoint& address,
                                                   MonoTime now) const {
  const auto found = std::find_if(failures_.begin(), failures_.end(), [&](const Failure& failure) {
    return failure.ip == address.ip() && now - failure.when < kPenalty;
  });
  return found == failures_.end() ? nullptr : &*found;
}

std::vector<net::Endpoint> AddressBook::order(const std::vector<net::Endpoint>& addresses,
                                              MonoTime now, std::size_t limit) const {
  std::vector<net::Endpoint> fresh;
  std::vector<net::Endpoint> tried;
  for (const net::Endpoint& address : addresses)
    (failureOf(address, now) == nullptr ? fresh : tried).push_back(address);
  // The one that failed longest ago may work again soonest.
  std::stable_sort(tried.begin(), tried.end(), [&](const auto& a, const auto& b) {
    return failureOf(a, now)->when < failureOf(b, now)->when;
  });
  // The limit cuts those that failed, not those of which nothing is known.
  auto all = interleaveFamilies(winnerFirst(std::move(fresh), last_good_), limit);
  all.insert(all.end(), tried.begin(), tried.end());
  if (all.size() > limit) all.resize(limit);
  return all;
}

std::optional<net::Endpoint> endpointOf(std::string_view text) {
  const auto colon = std::min(text.rfind(':'), text.size());
  std::string_view ip = text.substr(0, colon);
  if (ip.starts_with('[') && ip.ends_with(']')) ip = ip.substr(1, ip.size() - 2);
  const auto port = parseInt(text.substr(std::min(colon + 1, text.size())));
  if (!port || *port < 1 || *port > kMaxPort) return std::nullopt;
  return net::Endpoint::fromLiteral(ip, static_cast<std::uint16_t>(*port));
}

std::vector<net::Endpoint> interleaveFamilies(const std::vector<net::Endpoint>& addresses,
                                              std::size_t limit) {
  std::vector<net::Endpoint> first;
  std::vector<net::Endpoint> second;
  for (const net::Endpoint& address : addresses)
    (address.family() == addresses.front().family() ? first : second).push_back(address);
  std::vector<net::Endpoint> mixed;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) mixed.push_back(first[i]);
    if (i < second.size()) mixed.push_back(second[i]);
  }
  if (mixed.size() > limit) mixed.resize(limit);
  return mixed;
}

std::vector<net::Endpoint> winnerFirst(std::vector<net::Endpoint> addresses,
                                       const std::optional<net::Endpoint>& winner) {
  if (!winner) return addresses;
  std::stable_partition(addresses.begin(), addresses.end(), [&](const net::Endpoint& address) {
    return address.family() == winner->family();
  });
  std::stable_partition(addresses.begin(), addresses.end(),
                        [&](const net::Endpoint& address) { return address.ip() == winner->ip(); });
  return addresses;
}

}  // namespace efs::tls_tunnel
