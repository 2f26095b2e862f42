#include "efs/net/resolver.h"

#include <ares.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <map>
#include <utility>

#include "dns_errors.h"
#include "dns_sockets.h"
#include "efs/base/file_stamp.h"
#include "efs/base/interrupt.h"
#include "efs/base/text.h"
#include "efs/base/unique_fd.h"
#include "efs/base/wait.h"

namespace efs::net {
namespace {

constexpr int kTriesPerServer = 2;
// More addresses than a mount target can have; a bound for what a server may make us keep.
constexpr std::size_t kMaxAddresses = 32;
// RFC 1035 section 2.3.4: 253 characters, and the trailing dot.
constexpr std::size_t kMaxNameLength = 254;

Resolver::Addresses addressesOf(const ares_addrinfo& info, std::uint16_t port) {
  Resolver::Addresses addresses;
  for (const auto* node = info.nodes; node != nullptr; node = node->ai_next) {
    const auto found = Endpoint::fromSockaddr(node->ai_addr, node->ai_addrlen);
    if (!found || addresses.size() >= kMaxAddresses) continue;
    // The port that c-ares leaves in the address is that of a service name; ours is a number.
    const auto endpoint = Endpoint::fromLiteral(found->ip(), port);
    if (endpoint) addresses.push_back(*endpoint);
  }
  return addresses;
}

std::string plainName(std::string name) {
  if (!name.empty() && name.back() == '.') name.pop_back();
  return toLower(name);
}

std::string canonicalNameOf(const ares_addrinfo& info, const std::string& host) {
  const char* last = nullptr;
  int length = 0;
  // The records may come in any order: the end of the chain is the target that is no alias itself.
  for (const auto* link = info.cnames; link != nullptr && length < 64;
       link = link->next, ++length) {
    if (link->name == nullptr) continue;
    bool goes_on = false;
    for (const auto* other = info.cnames; other != nullptr; other = other->next) {
      goes_on = goes_on || (other->alias != nullptr && ::strcasecmp(other->alias, link->name) == 0);
    }
    if (!goes_on) last = link->name;
  }
  if (last != nullptr) return plainName(last);
  return plainName(info.name != nullptr && *info.name != '\0' ? info.name : host);
}

}  // namespace

struct Resolver::Impl {
  explicit Impl(Options chosen) : options(std::move(chosen)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (channel != nullptr) ares_destroy(channel);
    deliver();
  }

  // One start(). c-ares is asked for both families at once; when that takes long, for each family
  // alone as well, and the first addresses win.
  struct Lookup {
    Impl* owner;
    std::string host;
    std::uint16_t port;
    NamedCallback callback;
    MonoTime split_at;
    bool answered = false;
  };
  // One call of ares_getaddrinfo(). shared_ptr: the up to three questions of a lookup end in any
  // order.
  struct Question {
    std::shared_ptr<Lookup> lookup;
    bool both_families;
  };
  struct Answer {
    NamedCallback callback;
    Result<Named> result;
  };

  Status open();
  void refresh();
  void ask(const std::shared_ptr<Lookup>& lookup, int family);
  void splitFamilies();
  void finish(Lookup& lookup, Result<Named> result);
  void deliver();
  static void onSocket(void* self, ares_socket_t fd, int readable, int writable);
  static void onAnswer(void* question, int status, int timeouts, ares_addrinfo* info);

  Options options;
  SystemClock clock;  // c-ares reads the real clock as well
  DnsSockets calls;
  ares_channel channel = nullptr;
  FileStamp stamp;
  std::size_t questions = 0;  // of c-ares, not ended
  std::size_t lookups = 0;    // not answered
  std::vector<std::shared_ptr<Lookup>> unsplit;
  std::map<int, Watch> watches;
  // Callbacks run when c-ares is no longer on the stack, so that they may start queries and the
  // channel may be replaced.
  std::deque<Answer> answers;
};

Status Resolver::Impl::open() {
  ares_options settings{};
  // HOSTALIASES is an environment variable: not for programs that run as root.
  settings.flags = ARES_FLAG_NOALIASES;
  if (!options.use_search_list) settings.flags |= ARES_FLAG_NOSEARCH;
  settings.timeout =
      static_cast<int>(std::clamp<long long>(options.server_timeout.count(), 10, 60000));
  settings.tries = kTriesPerServer;
  settings.udp_port = options.dns_port;
  settings.tcp_port = options.dns_port;
  std::string sources = "fb";  // the file /etc/hosts, then DNS
  settings.lookups = sources.data();
  settings.sock_state_cb = &Impl::onSocket;
  settings.sock_state_cb_data = this;
  settings.resolvconf_path = options.resolv_conf.data();
  int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_UDP_PORT |
             ARES_OPT_TCP_PORT | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF;
  // The flag alone does not keep ares_getaddrinfo() of c-ares 1.18 from searching; a list of no
  // domains does.
  settings.ndomains = 0;
  if (!options.use_search_list) mask |= ARES_OPT_DOMAINS;
  // Without a descriptor for the file c-ares asks 127.0.0.1 and says nothing.
  const UniqueFd readable(::open(options.resolv_conf.c_str(), O_RDONLY | O_CLOEXEC));
  if (!readable.valid() && isExhaustion(errno)) return Error::fromErrno(errno, options.resolv_conf);
  // Taken before the file is read: a change in between is seen as a change later.
  stamp = FileStamp::of(options.resolv_conf);
  const int status = ares_init_options(&channel, &settings, mask);
  if (status == ARES_SUCCESS) {
    calls.attach(channel);
    return {};
  }
  channel = nullptr;
  return noChannelError(status);
}

void Resolver::Impl::refresh() {
  if (questions != 0 || (channel != nullptr && stamp == FileStamp::of(options.resolv_conf))) return;
  ares_channel old = std::exchange(channel, nullptr);
  // Idle UDP sockets of the old channel vanish from `watches` here.
  if (old != nullptr) ares_destroy(old);
  watches.clear();
  (void)open();  // without a channel start() reports the failure
}

void Resolver::Impl::ask(const std::shared_ptr<Lookup>& lookup, int family) {
  ares_addrinfo_hints hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = ARES_AI_CANONNAME;
  ++questions;
  calls.exhausted = 0;
  auto question = std::make_unique<Question>(Question{lookup, family == AF_UNSPEC});
  ares_getaddrinfo(channel, lookup->host.c_str(), nullptr, &hints, &Impl::onAnswer,
                   question.release());
}

void Resolver::Impl::splitFamilies() {
  const auto now = clock.monotonic();
  const auto due = std::stable_partition(unsplit.begin(), unsplit.end(), [&](const auto& lookup) {
    return !lookup->answered && lookup->split_at > now;
  });
  const std::vector<std::shared_ptr<Lookup>> slow(due, unsplit.end());
  unsplit.erase(due, unsplit.end());
  for (const auto& lookup : slow) {
    for (const int family : {AF_INET, AF_INET6}) {
      if (!lookup->answered) ask(lookup, family);
    }
  }
}

void Resolver::Impl::finish(Lookup& lookup, Result<Named> result) {
  lookup.answered = true;
  --lookups;
  answers.push_back({std::move(lookup.callback), std::move(result)});
}

void Resolver::Impl::deliver() {
  // Questions whose lookup has its answer from elsewhere; their end goes unheard.
  if (lookups == 0 && questions != 0 && channel != nullptr) ares_cancel(channel);
  while (!answers.empty()) {
    Answer answer = std::move(answers.front());
    answers.pop_front();
    answer.callback(std::move(answer.result));
  }
}

void Resolver::Impl::onSocket(void* self, ares_socket_t fd, int readable, int writable) {
  auto& watches = static_cast<Impl*>(self)->watches;
  if (readable == 0 && writable == 0) {
    watches.erase(fd);
  } else {
    watches[fd] = Watch{fd, readable != 0, writable != 0};
  }
}

void Resolver::Impl::onAnswer(void* raw, int status, int /*timeouts*/, ares_addrinfo* info) {
  const std::unique_ptr<Question> question(static_cast<Question*>(raw));
  auto& lookup = *question->lookup;
  --lookup.owner->questions;
  Named found;
  if (status == ARES_SUCCESS && info != nullptr) {
    found.addresses = addressesOf(*info, lookup.port);
    found.canonical_name = canonicalNameOf(*info, lookup.host);
  }
  if (info != nullptr) ares_freeaddrinfo(info);
  if (status == ARES_SUCCESS && found.addresses.empty()) status = ARES_ENODATA;
  if (lookup.answered) return;
  if (status == ARES_SUCCESS) {
    lookup.owner->finish(lookup, std::move(found));
  } else if (question->both_families) {
    const int exhausted = lookup.owner->calls.exhausted;
    lookup.owner->finish(lookup, exhausted != 0 ? noSocketError(lookup.host, exhausted)
                                                : resolveError(lookup.host, status));
  }
}

Resolver::Resolver(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Resolver::Resolver(Resolver&&) noexcept = default;
Resolver& Resolver::operator=(Resolver&&) noexcept = default;
Resolver::~Resolver() = default;

Result<Resolver> Resolver::create() { return create(Options()); }

Result<Resolver> Resolver::create(Options options) {
  // Once: c-ares counts the calls.
  static const int initialised = ares_library_init(ARES_LIB_INIT_ALL);
  if (initialised != ARES_SUCCESS) {
    return Error(ErrorKind::kIo, "starting the DNS client");
  }
  auto impl = std::make_unique<Impl>(std::move(options));
  EFS_CHECK(impl->open());
  return Resolver(std::move(impl));
}

void Resolver::start(const std::string& host, std::uint16_t port, Callback callback) {
  startNamed(host, port, [callback = std::move(callback)](Result<Named> found) {
    if (found) return callback(std::move(found->addresses));
    callback(std::move(found.error()));
  });
}

void Resolver::startNamed(const std::string& host, std::uint16_t port, NamedCallback callback) {
  auto& impl = *impl_;
  impl.refresh();
  if (const auto literal = Endpoint::fromLiteral(host, port)) {
    impl.answers.push_back({std::move(callback), Named{{*literal}, host}});
  } else if (impl.channel == nullptr) {
    impl.answers.push_back(
        {std::move(callback), resolveError(host, ErrorKind::kIo, "the DNS client cannot start")});
  } else if (host.empty() || host.size() > kMaxNameLength || host.find('\0') != std::string::npos) {
    impl.answers.push_back(
        {std::move(callback), resolveError(host, ErrorKind::kInvalidInput, "not a host name")});
  } else {
    const auto lookup = std::make_shared<Impl::Lookup>(
        Impl::Lookup{&impl, host, port, std::move(callback),
                     impl.clock.monotonic() + impl.options.family_patience});
    ++impl.lookups;
    impl.ask(lookup, AF_UNSPEC);
    if (!lookup->answered) impl.unsplit.push_back(lookup);
  }
  impl.deliver();
}

void Resolver::cancel() {
  if (impl_->channel != nullptr) ares_cancel(impl_->channel);
  impl_->unsplit.clear();
  impl_->deliver();
}

std::vector<Resolver::Watch> Resolver::sockets() const {
  std::vector<Watch> watches;
  watches.reserve(impl_->watches.size());
  for (const auto& entry : impl_->watches) watches.push_back(entry.second);
  return watches;
}

std::optional<Duration> Resolver::timeout() const {
  timeval ares_left{};
  if (impl_->channel == nullptr || ares_timeout(impl_->channel, nullptr, &ares_left) == nullptr) {
    return std::nullopt;
  }
  // Rounded up: waking too early would be a busy loop.
  Duration left(ares_left.tv_sec * 1000 + (ares_left.tv_usec + 999) / 1000);
  const auto now = impl_->clock.monotonic();
  for (const auto& lookup : impl_->unsplit) {
    left = std::min(left, std::chrono::ceil<Duration>(lookup->split_at - now));
  }
  return std::max(left, Duration(0));
}

void Resolver::process(int fd, bool readable, bool writable) {
  if (impl_->channel == nullptr) return;
  const ares_socket_t none = ARES_SOCKET_BAD;
  ares_process_fd(impl_->channel, readable ? fd : none, writable ? fd : none);
  impl_->splitFamilies();
  impl_->deliver();
}

Result<Resolver::Addresses> Resolver::resolve(const std::string& host, std::uint16_t port,
                                              const Clock& clock, Duration patience) {
  EFS_TRY(found, resolveNamed(host, port, clock, patience));
  return std::move(found.addresses);
}

Result<Resolver::Named> Resolver::resolveNamed(const std::string& host, std::uint16_t port,
                                               const Clock& clock, Duration patience) {
  const Deadline deadline(clock, patience);
  std::optional<Result<Named>> answer;
  startNamed(host, port, [&answer](Result<Named> result) { answer = std::move(result); });
  const auto served = serveUntil([&answer] { return answer.has_value(); }, deadline);
  if (answer) return std::move(*answer);
  cancel();
  if (served.error().kind() == ErrorKind::kCancelled) return served.error();
  return resolveError(host, ErrorKind::kTimeout,
                      "no answer within " + std::to_string(patience.count()) + " ms");
}

Status Resolver::serveUntil(const std::function<bool()>& done, const Deadline& deadline) {
  while (!done() && !deadline.passed()) {
    std::vector<pollfd> entries;
    for (const auto& watch : sockets()) {
      const int events = (watch.read ? POLLIN : 0) | (watch.write ? POLLOUT : 0);
      entries.push_back({watch.fd, static_cast<short>(events), 0});
    }
    const auto wait = std::min(timeout().value_or(deadline.left()), deadline.left());
    EFS_TRY(ready, pollReady(entries.data(), entries.size(), wait));
    // A wish to stop that somebody else has noticed counts too.
    if (interrupted() != 0) return interruptedError();
    if (ready == 0) process(-1, false, false);
    for (const auto& entry : entries) {
      if (ready == 0 || done() || entry.revents == 0) continue;
      process(entry.fd, (entry.revents & ~POLLOUT) != 0, (entry.revents & POLLOUT) != 0);
    }
  }
  if (done()) return {};
  return Error(ErrorKind::kTimeout, "no answer from the DNS servers");
}

}  // namespace efs::net
