#include "fake_dns.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "efs/base/byte_cursor.h"
#include "efs/base/text.h"

namespace efs::net::testing {
namespace {

constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kTypeAaaa = 28;

void put16(std::string& out, unsigned value) {
  out.push_back(static_cast<char>((value >> 8U) & 0xffU));
  out.push_back(static_cast<char>(value & 0xffU));
}

// Name at the cursor, labels joined by dots (questions are never compressed).
std::string readName(ByteCursor& in) {
  std::vector<std::string> labels;
  while (const auto length = in.readU8()) {
    if (*length == 0) break;
    labels.emplace_back(in.readBytes(*length).value_or(""));
  }
  return toLower(join(labels, "."));
}

std::string encodeName(const std::string& name) {
  std::string out;
  for (const auto& label : split(name, '.')) {
    out.push_back(static_cast<char>(label.size()));
    out += label;
  }
  out.push_back('\0');
  return out;
}

std::string cname(const std::string& alias, const std::string& target) {
  std::string out = encodeName(alias);
  put16(out, 5);
  put16(out, 1);
  put16(out, 0);
  put16(out, 60);
  const std::string data = encodeName(target);
  put16(out, static_cast<unsigned>(data.size()));
  return out + data;
}

std::string record(const std::string& owner, int family, const std::string& ip) {
  std::array<char, 16> bytes{};
  ::inet_pton(family, ip.c_str(), bytes.data());
  const std::size_t size = family == AF_INET ? 4 : 16;
  std::string out = encodeName(owner);
  put16(out, family == AF_INET ? kTypeA : kTypeAaaa);
  put16(out, 1);
  put16(out, 0);
  put16(out, 60);  // time to live
  put16(out, static_cast<unsigned>(size));
  return out.append(bytes.data(), size);
}

}  // namespace

FakeDns::FakeDns(Zones zones) : zones_(std::move(zones)) {
  socket_.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  auto pipe = makePipe();
  if (!pipe || ::bind(socket_.get(), raw, length) != 0 ||
      ::getsockname(socket_.get(), raw, &length) != 0) {
    std::abort();
  }
  stop_ = std::move(*pipe);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

FakeDns::~FakeDns() {
  stop_.write_end.reset();
  thread_.join();
}

void FakeDns::serve() {
  while (true) {
    std::array<pollfd, 2> entries{{{socket_.get(), POLLIN, 0}, {stop_.read_end.get(), POLLIN, 0}}};
    if (::poll(entries.data(), entries.size(), -1) < 0) continue;
    if (entries[1].revents != 0) return;
    std::array<char, 1500> buffer{};
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    auto* raw = reinterpret_cast<sockaddr*>(&from);
    const ssize_t got = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0, raw, &length);
    if (got <= 0) continue;
    ++questions_;
    const auto reply = answer({buffer.data(), static_cast<std::size_t>(got)});
    if (!reply.empty()) {
      (void)::sendto(socket_.get(), reply.data(), reply.size(), 0, raw, length);
    }
  }
}

std::string FakeDns::answer(std::string_view question) {
  ByteCursor in(question);
  const auto id = in.readU16().value_or(0);
  in.skip(10);
  const auto name = readName(in);
  const auto type = in.readU16().value_or(0);
  in.skip(2);
  auto zone = zones_.find(name);
  std::vector<std::string> records;
  while (zone != zones_.end() && !zone->second.alias_of.empty()) {
    records.push_back(cname(zone->first, zone->second.alias_of));
    zone = zones_.find(zone->second.alias_of);
  }
  unsigned code = 3;  // NXDOMAIN
  if (zone != zones_.end()) {
    code = zone->second.fails ? 2 : zone->second.rcode;
    if (type == kTypeA && zone->second.silent_v4) return {};
    if (type == kTypeAaaa && zone->second.silent_v6) return {};
    const bool v4 = type == kTypeA;
    for (const auto& ip : v4 ? zone->second.v4 : zone->second.v6) {
      records.push_back(record(zone->first, v4 ? AF_INET : AF_INET6, ip));
    }
  }
  std::string out;
  put16(out, id);
  put16(out, 0x8180U | code);
  put16(out, 1);
  put16(out, static_cast<unsigned>(records.size()));
  put16(out, 0);
  put16(out, 0);
  out.append(question.substr(12, in.position() - 12));
  return out + join(records, "");
}

}  // namespace efs::net::testing
