#include "dns.h"

#include <arpa/inet.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <vector>

#include "efs/base/byte_cursor.h"
#include "efs/base/text.h"

namespace efs::simulator {
namespace {

constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kTypeCname = 5;
constexpr std::uint16_t kTypeAaaa = 28;
constexpr std::uint16_t kTypeAny = 255;
constexpr std::uint16_t kClassIn = 1;
constexpr std::uint16_t kServfail = 2;
constexpr std::uint16_t kNxdomain = 3;
constexpr std::uint32_t kTtlSec = 1;  // names move during tests

void put16(std::string& out, std::uint16_t value) {
  out += static_cast<char>(value >> 8U);
  out += static_cast<char>(value & 0xffU);
}

void put32(std::string& out, std::uint32_t value) {
  put16(out, static_cast<std::uint16_t>(value >> 16U));
  put16(out, static_cast<std::uint16_t>(value & 0xffffU));
}

// The name at the cursor, lower case and dotted; compression never occurs in a question.
std::optional<std::string> readName(ByteCursor& cursor) {
  std::string name;
  while (true) {
    const auto length = cursor.readU8();
    if (!length || *length > 63) return std::nullopt;
    if (*length == 0) return toLower(name);
    const auto label = cursor.readBytes(*length);
    if (!label) return std::nullopt;
    if (!name.empty()) name += '.';
    name += *label;
    if (name.size() > 255) return std::nullopt;
  }
}

std::string encodeName(const std::string& name) {
  std::string out;
  for (const auto& label : split(name, '.')) {
    out += static_cast<char>(std::min<std::size_t>(label.size(), 63));
    out += label.substr(0, 63);
  }
  return out + '\0';
}

void putRecord(std::string& out, const std::string& owner, std::uint16_t type,
               const std::string& data) {
  out += owner;
  put16(out, type);
  put16(out, kClassIn);
  put32(out, kTtlSec);
  put16(out, static_cast<std::uint16_t>(data.size()));
  out += data;
}

// The chain of aliases, then the records of the wanted type at its end.
std::string records(const DnsAnswer& answer, std::uint16_t type, std::uint16_t& count) {
  std::string owner("\xc0\x0c", 2);  // the question's name
  std::string out;
  for (const auto& [alias, target] : answer.aliases) {
    putRecord(out, owner, kTypeCname, encodeName(target));
    owner = encodeName(target);
    ++count;
  }
  for (const auto& ip : answer.addresses) {
    std::array<char, 16> bytes{};
    const bool v6 = ip.find(':') != std::string::npos;
    const std::uint16_t own_type = v6 ? kTypeAaaa : kTypeA;
    if (type != own_type && type != kTypeAny) continue;
    if (inet_pton(v6 ? AF_INET6 : AF_INET, ip.c_str(), bytes.data()) != 1) continue;
    putRecord(out, owner, own_type, std::string(bytes.data(), v6 ? 16 : 4));
    ++count;
  }
  return out;
}

struct Delayed {
  MonoTime due;
  std::string reply;
  sockaddr_storage to;
  socklen_t to_length;
};

}  // namespace

std::optional<std::string> answerDns(std::string_view query, const World& world) {
  ByteCursor cursor(query);
  const auto id = cursor.readU16();
  const auto flags = cursor.readU16();
  const auto questions = cursor.readU16();
  if (!id || !flags || (*flags & 0x8000U) != 0 || questions != 1 || !cursor.skip(6)) {
    return std::nullopt;
  }
  const std::size_t question_start = cursor.position();
  const auto name = readName(cursor);
  const auto type = cursor.readU16();
  const auto dns_class = cursor.readU16();
  if (!name || !type || !dns_class) return std::nullopt;

  std::uint16_t rcode = 0;
  std::uint16_t count = 0;
  std::string answers;
  if (world.dns_mode == DnsMode::kServfail) {
    rcode = kServfail;
  } else {
    const DnsAnswer found = world.lookUp(*name);
    if (!found.name_exists) rcode = kNxdomain;
    if (dns_class == kClassIn) answers = records(found, *type, count);
  }
  // QR, AA and RA set; opcode and RD as asked.
  const auto reply_flags = static_cast<std::uint16_t>(0x8480U | (*flags & 0x7900U) | rcode);
  std::string reply;
  put16(reply, *id);
  put16(reply, reply_flags);
  put16(reply, 1);
  put16(reply, count);
  put32(reply, 0);
  reply += query.substr(question_start, cursor.position() - question_start);
  return reply + answers;
}

Result<std::unique_ptr<DnsServer>> DnsServer::start(const World& world) {
  const Endpoint& endpoint = world.config().dns;
  EFS_TRY(udp, bindSocket(endpoint, SOCK_DGRAM));
  EFS_TRY(stop, StopSignal::create());
  std::unique_ptr<DnsServer> server(new DnsServer(world, std::move(udp), std::move(stop)));
  DnsServer* raw = server.get();
  EFS_TRY(tcp, Listener::start(endpoint, [raw](UniqueFd fd) {
            auto shared = std::make_shared<UniqueFd>(std::move(fd));  // std::function copies
            raw->crew_.run([raw, shared] { raw->serveTcp(std::move(*shared)); });
          }));
  server->tcp_ = std::move(tcp);
  return server;
}

DnsServer::DnsServer(const World& world, UniqueFd udp, std::unique_ptr<StopSignal> stop)
    : world_(world), udp_(std::move(udp)), stop_(std::move(stop)) {
  udp_thread_ = std::thread([this] { serveUdp(); });
}

DnsServer::~DnsServer() {
  stop_->raise();
  udp_thread_.join();
  tcp_.reset();
}

void DnsServer::serveUdp() {
  constexpr std::size_t kMostDelayed = 1024;
  const SystemClock clock;
  std::deque<Delayed> delayed;
  std::array<char, 4096> buffer{};
  while (true) {
    Duration patience(60000);
    if (!delayed.empty()) {
      const auto left = std::chrono::ceil<Duration>(delayed.front().due - clock.monotonic());
      patience = std::max(left, Duration(0));
    }
    const Ready ready = waitFor(udp_.get(), POLLIN, *stop_, patience);
    if (ready == Ready::kStopped) return;
    while (!delayed.empty() && delayed.front().due <= clock.monotonic()) {
      const Delayed& entry = delayed.front();
      ::sendto(udp_.get(), entry.reply.data(), entry.reply.size(), 0,
               reinterpret_cast<const sockaddr*>(&entry.to), entry.to_length);
      delayed.pop_front();
    }
    if (ready != Ready::kYes) continue;
    Delayed entry{};
    entry.to_length = sizeof entry.to;
    const ssize_t got = ::recvfrom(udp_.get(), buffer.data(), buffer.size(), 0,
                                   reinterpret_cast<sockaddr*>(&entry.to), &entry.to_length);
    if (got <= 0 || world_.dns_mode == DnsMode::kDown || delayed.size() >= kMostDelayed) continue;
    auto reply = answerDns({buffer.data(), static_cast<std::size_t>(got)}, world_);
    if (!reply) continue;
    entry.reply = std::move(*reply);
    entry.due = clock.monotonic() + Duration(world_.dns_delay_ms.load());
    // Kept in order of arrival: a lowered delay waits behind an earlier, longer one.
    delayed.push_back(std::move(entry));
  }
}

void DnsServer::serveTcp(UniqueFd connection) {
  constexpr Duration kPatience(10000);
  std::string input;
  std::array<char, 4096> buffer{};
  while (waitFor(connection.get(), POLLIN, *stop_, kPatience) == Ready::kYes) {
    const ssize_t got = ::recv(connection.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0 || world_.dns_mode == DnsMode::kDown) return;
    input.append(buffer.data(), static_cast<std::size_t>(got));
    ByteCursor cursor(input);
    const auto length = cursor.readU16();
    if (!length) continue;
    const auto query = cursor.readBytes(*length);
    if (!query) continue;
    if (stop_->wait(Duration(world_.dns_delay_ms.load()))) return;
    const auto reply = answerDns(*query, world_);
    if (!reply) return;
    std::string framed;
    put16(framed, static_cast<std::uint16_t>(reply->size()));
    framed += *reply;
    ::send(connection.get(), framed.data(), framed.size(), MSG_NOSIGNAL);
    input.erase(0, cursor.position());
  }
}

}  // namespace efs::simulator
