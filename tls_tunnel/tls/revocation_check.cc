#include "efs/tls/revocation_check.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <vector>

#include "efs/base/log.h"
#include "efs/base/text.h"
#include "openssl_pointers.h"
#include "tls_errors.h"
#include "tls_transport_impl.h"

namespace efs::tls {
namespace {

// Clocks differ; stunnel and OpenSSL's own tools allow as much.
constexpr long kClockSkew = 300;
// How long a good answer counts at most, and how old one without an end may be.
constexpr std::chrono::seconds kLongestMemory{3600};
// One server has a certificate or two below the root; a few mount targets have been met in an hour.
constexpr std::size_t kMaxRemembered = 16;
constexpr int kMaxChain = 10;
// The certificate says how many there are, and each may cost its whole patience.
constexpr int kMaxResponders = 4;  // per certificate

using ResponsePtr = std::unique_ptr<OCSP_RESPONSE, FreedBy<OCSP_RESPONSE_free>>;
using BasicPtr = std::unique_ptr<OCSP_BASICRESP, FreedBy<OCSP_BASICRESP_free>>;
using CertIdPtr = std::unique_ptr<OCSP_CERTID, FreedBy<OCSP_CERTID_free>>;
using RequestPtr = std::unique_ptr<OCSP_REQUEST, FreedBy<OCSP_REQUEST_free>>;
using UrlsPtr = std::unique_ptr<STACK_OF(OPENSSL_STRING), FreedBy<X509_email_free>>;

struct Answer {
  int status = V_OCSP_CERTSTATUS_UNKNOWN;
  std::optional<WallTime> valid_until;
};

std::optional<WallTime> wallTime(const ASN1_GENERALIZEDTIME* time) {
  std::tm broken{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &broken) != 1) return std::nullopt;
  return std::chrono::system_clock::from_time_t(::timegm(&broken));
}

CertIdPtr idOf(const X509* certificate, const X509* issuer) {
  return CertIdPtr(OCSP_cert_to_id(nullptr, certificate, issuer));
}

// RFC 6960 section 3.2: what must hold before an answer is taken: it is about this certificate, was
// signed by its issuer or by whom the issuer names for it, and is not from another time.
Result<Answer> judge(OCSP_RESPONSE* response, const OCSP_CERTID* id, STACK_OF(X509) * chain,
                     X509_STORE* store) {
  const int status = OCSP_response_status(response);
  if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    const bool passes =
        status == OCSP_RESPONSE_STATUS_TRYLATER || status == OCSP_RESPONSE_STATUS_INTERNALERROR;
    return Error(passes ? ErrorKind::kUnreachable : ErrorKind::kProtocol,
                 std::string("responder says ") + OCSP_response_status_str(status));
  }
  const BasicPtr basic(OCSP_response_get1_basic(response));
  if (!basic) return Error(ErrorKind::kProtocol, "no basic response: " + takeReason("unknown"));
  // Before anything in it is believed.
  if (OCSP_basic_verify(basic.get(), chain, store, 0) != 1)
    return Error(ErrorKind::kProtocol, "its signature is not accepted: " + takeReason("unknown"));
  Answer answer;
  ASN1_GENERALIZEDTIME* this_update = nullptr;
  ASN1_GENERALIZEDTIME* next_update = nullptr;
  // OpenSSL 3.0 takes a pointer to a certificate id that it does not change.
  if (OCSP_resp_find_status(basic.get(), const_cast<OCSP_CERTID*>(id), &answer.status, nullptr,
                            nullptr, &this_update, &next_update) != 1)
    return Error(ErrorKind::kProtocol, "it is about another certificate");
  // One without an end says that there is always newer information (section 4.2.2.1): it must be
  // recent, or anybody could bring it again for ever.
  const long oldest = next_update == nullptr ? long{kLongestMemory.count()} : -1;
  if (OCSP_check_validity(this_update, next_update, kClockSkew, oldest) != 1)
    return Error(ErrorKind::kProtocol, "it is of another time: " + takeReason("unknown"));
  answer.valid_until = wallTime(next_update);
  if (next_update == nullptr && (answer.valid_until = wallTime(this_update)))
    *answer.valid_until += kLongestMemory;
  return answer;
}

std::string fingerprintOf(const X509* certificate) {
  std::string bytes(EVP_MAX_MD_SIZE, '\0');
  unsigned length = 0;
  if (X509_digest(certificate, EVP_sha256(), reinterpret_cast<unsigned char*>(bytes.data()),
                  &length) != 1)
    return {};
  bytes.resize(length);
  return bytes;
}

// A certificate that must be asked about.
struct Question {
  const X509* certificate = nullptr;
  const X509* issuer = nullptr;
  std::deque<OcspResponder> responders;
};

std::deque<OcspResponder> respondersOf(X509* certificate) {
  std::deque<OcspResponder> responders;
  const UrlsPtr urls(X509_get1_ocsp(certificate));
  const int count = urls ? std::min(sk_OPENSSL_STRING_num(urls.get()), kMaxResponders) : 0;
  for (int i = 0; i < count; ++i) {
    if (auto responder = parseOcspResponder(sk_OPENSSL_STRING_value(urls.get(), i)))
      responders.push_back(std::move(*responder));
  }
  return responders;
}

// By any URL at all: one that names only what we cannot ask is no certificate without a responder.
bool namesResponders(X509* certificate) {
  const UrlsPtr urls(X509_get1_ocsp(certificate));
  return urls && sk_OPENSSL_STRING_num(urls.get()) > 0;
}

Result<std::string> requestFor(const X509* certificate, const X509* issuer) {
  const RequestPtr request(OCSP_REQUEST_new());
  CertIdPtr id = idOf(certificate, issuer);
  if (!request || !id || OCSP_request_add0_id(request.get(), id.get()) == nullptr)
    return Error(ErrorKind::kInternal, "OCSP: " + takeReason("out of memory"));
  (void)id.release();  // the request's now
  unsigned char* der = nullptr;
  const int length = i2d_OCSP_REQUEST(request.get(), &der);
  if (length <= 0) return Error(ErrorKind::kInternal, "OCSP: " + takeReason("out of memory"));
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
  OPENSSL_free(der);
  return bytes;
}

ResponsePtr parseResponse(std::string_view der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  return ResponsePtr(d2i_OCSP_RESPONSE(nullptr, &bytes, static_cast<long>(der.size())));
}

Error refusal(const X509* certificate, const std::string& why) {
  return {ErrorKind::kUntrusted,
          "OCSP: " + why + " (subject \"" + nameText(X509_get_subject_name(certificate)) + "\")"};
}

// Nobody judged: the responder or the way to it may come back.
bool mayPass(ErrorKind kind) {
  return kind == ErrorKind::kTimeout || kind == ErrorKind::kRefused || kind == ErrorKind::kReset ||
         kind == ErrorKind::kUnreachable;
}

}  // namespace

void RevocationMemory::remember(const std::string& fingerprint, WallTime now, WallTime until) {
  // All of them: the cost is one question each, once.
  if (good_.size() >= kMaxRemembered) good_.clear();
  if (!fingerprint.empty()) good_[fingerprint] = {now, until};
}

bool RevocationMemory::isGood(const std::string& fingerprint, WallTime now) const {
  const auto found = good_.find(fingerprint);
  // Not from the future: a clock that was set back makes an old answer look fresh.
  return found != good_.end() && found->second.since <= now && now < found->second.until;
}

struct RevocationCheck::Impl {
  RevocationMemory* memory = nullptr;
  const Clock* clock = nullptr;
  ChainPtr chain;
  StorePtr store;
  std::deque<Question> questions;
  Error error{ErrorKind::kInternal, "no error"};
  bool answered = false;
  UniqueFd fd;
  std::optional<OcspExchange> exchange;

  Status collect();
  Status takeStaple(const SSL* ssl);
  void noteGood(const X509* certificate, const Answer& answer) const;
  Status send();
  Result<std::optional<std::string>> receive();
  Result<Answer> judgeReply(std::string_view der) const;
  Status take(const Answer& answer);
  void endExchange() {
    exchange.reset();
    fd.reset();
  }
};

// The root answers for itself.
Status RevocationCheck::Impl::collect() {
  const int count = sk_X509_num(chain.get());
  if (count > kMaxChain)
    return refusal(sk_X509_value(chain.get(), 0),
                   "too many certificates to ask about: " + std::to_string(count));
  for (int i = 0; i + 1 < count; ++i) {
    X509* certificate = sk_X509_value(chain.get(), i);
    // Reconnecting must not hang on a responder that the last connection has asked.
    if (memory->isGood(fingerprintOf(certificate), clock->now())) continue;
    if (!namesResponders(certificate)) {
      log::debug("OCSP: \"{}\" names no responder", nameText(X509_get_subject_name(certificate)));
      continue;
    }
    Question question{certificate, sk_X509_value(chain.get(), i + 1), respondersOf(certificate)};
    // Only addresses that we cannot ask: https, or not a URL at all.
    if (question.responders.empty())
      return refusal(certificate, "the certificate names no responder with http");
    questions.push_back(std::move(question));
  }
  return {};
}

void RevocationCheck::Impl::noteGood(const X509* certificate, const Answer& answer) const {
  const WallTime now = clock->now();
  const WallTime longest = now + kLongestMemory;
  memory->remember(fingerprintOf(certificate), now,
                   std::min(answer.valid_until.value_or(longest), longest));
}

// OpenSSL gives the one for the server's own certificate. A staple that cannot be used is as good
// as none: the responder is asked.
Status RevocationCheck::Impl::takeStaple(const SSL* ssl) {
  const unsigned char* bytes = nullptr;
  // A macro over SSL_ctrl(), which wants a mutable pointer.
  const long length = SSL_get_tlsext_status_ocsp_resp(const_cast<SSL*>(ssl), &bytes);
  if (length <= 0 || sk_X509_num(chain.get()) < 2) return {};
  const X509* certificate = sk_X509_value(chain.get(), 0);
  const ResponsePtr response =
      parseResponse({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length)});
  const CertIdPtr id = idOf(certificate, sk_X509_value(chain.get(), 1));
  const auto answer = response && id ? judge(response.get(), id.get(), chain.get(), store.get())
                                     : Error(ErrorKind::kProtocol, takeReason("it is broken"));
  if (!answer) {
    log::warning("OCSP: the stapled answer is not used: {}", answer.error().message());
    return {};
  }
  if (answer->status == V_OCSP_CERTSTATUS_REVOKED)
    return refusal(certificate, "the server's certificate is revoked, says its stapled answer");
  if (answer->status != V_OCSP_CERTSTATUS_GOOD) return {};
  log::debug("OCSP: the stapled answer is good");
  noteGood(certificate, *answer);
  return {};
}

Status RevocationCheck::Impl::take(const Answer& answer) {
  const Question& question = questions.front();
  const std::string who = ", says " + question.responders.front().url;
  // Until it turns out to be good: what was said about this certificate is a verdict, and no other
  // responder is asked for a better one.
  answered = true;
  if (answer.status == V_OCSP_CERTSTATUS_REVOKED)
    return refusal(question.certificate, "the certificate is revoked" + who);
  if (answer.status != V_OCSP_CERTSTATUS_GOOD)
    return refusal(question.certificate, "the certificate is unknown" + who);
  answered = false;
  log::debug("OCSP: the certificate \"{}\" is good{}",
             nameText(X509_get_subject_name(question.certificate)), who);
  noteGood(question.certificate, answer);
  questions.pop_front();
  return {};
}

RevocationCheck::RevocationCheck(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RevocationCheck::RevocationCheck(RevocationCheck&&) noexcept = default;
RevocationCheck& RevocationCheck::operator=(RevocationCheck&&) noexcept = default;
RevocationCheck::~RevocationCheck() = default;

Result<RevocationCheck> RevocationCheck::begin(const TlsTransport& transport,
                                               RevocationMemory& memory, const Clock& clock) {
  const SSL* ssl = transport.impl_->ssl.get();
  auto impl = std::make_unique<Impl>();
  impl->memory = &memory;
  impl->clock = &clock;
  // References: the connection may end while a responder is asked.
  impl->chain.reset(X509_chain_up_ref(SSL_get0_verified_chain(ssl)));
  X509_STORE* store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
  if (!impl->chain || X509_STORE_up_ref(store) != 1)
    return Error(ErrorKind::kInternal, "OCSP: no verified chain");
  impl->store.reset(store);
  // First: what it answers is remembered, and so not collected.
  EFS_CHECK(impl->takeStaple(ssl));
  EFS_CHECK(impl->collect());
  return RevocationCheck(std::move(impl));
}

std::optional<OcspResponder> RevocationCheck::next() const {
  if (impl_->questions.empty()) return std::nullopt;
  return impl_->questions.front().responders.front();
}

Status RevocationCheck::ask(UniqueFd socket) {
  const Question& question = impl_->questions.front();
  // The connection to the responder before, if one was there.
  impl_->endExchange();
  EFS_TRY(request, requestFor(question.certificate, question.issuer));
  impl_->fd = std::move(socket);
  impl_->exchange.emplace(question.responders.front(), request);
  return {};
}

Status RevocationCheck::Impl::send() {
  while (!exchange->unsent().empty()) {
    const auto bytes = exchange->unsent();
    const ssize_t sent = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      exchange->sent(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return {};
    } else if (errno != EINTR) {
      return Error::fromErrno(errno, "asking");
    }
  }
  return {};
}

// Ends: the exchange takes only so much.
Result<std::optional<std::string>> RevocationCheck::Impl::receive() {
  std::array<char, 8192> buffer{};
  for (;;) {
    const ssize_t got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::optional<std::string>();
    if (got < 0) return Error::fromErrno(errno, "reading the reply");
    EFS_TRY(body, exchange->take({buffer.data(), static_cast<std::size_t>(got)}, got == 0));
    if (body) return body;
  }
}

Result<Answer> RevocationCheck::Impl::judgeReply(std::string_view der) const {
  ERR_clear_error();
  const Question& question = questions.front();
  const ResponsePtr response = parseResponse(der);
  const CertIdPtr id = idOf(question.certificate, question.issuer);
  if (!response || !id)
    return Error(ErrorKind::kProtocol, "no OCSP answer: " + takeReason("it is broken"));
  return judge(response.get(), id.get(), chain.get(), store.get());
}

io::IoState RevocationCheck::drive() {
  // Both in one turn: the socket's edge tells of either only once.
  const Status sent = impl_->send();
  auto reply = sent ? impl_->receive() : unexpected(sent.error());
  if (reply && !*reply) return io::IoState::kWouldBlock;
  if (!reply) reply.error().addContext("no OCSP answer");
  const Result<Answer> answer = reply ? impl_->judgeReply(**reply) : unexpected(reply.error());
  const Status taken = answer ? impl_->take(*answer) : unexpected(answer.error());
  if (taken) return io::IoState::kDone;
  impl_->error = taken.error();
  return io::IoState::kFailed;
}

int RevocationCheck::fd() const { return impl_->fd.get(); }
const Error& RevocationCheck::error() const { return impl_->error; }
bool RevocationCheck::answered() const { return impl_->answered; }

Error RevocationCheck::undecided(const Error& why) const {
  const Question& question = impl_->questions.front();
  Error error =
      refusal(question.certificate, "whether the certificate is revoked cannot be found out: " +
                                        question.responders.front().url + ": " + why.message());
  if (mayPass(why.kind())) error.setKind(ErrorKind::kUnreachable);
  return error.addHint("let this host reach the responder, or mount with noocsp");
}

Status RevocationCheck::responderFailed(const Error& why) {
  impl_->endExchange();
  auto& responders = impl_->questions.front().responders;
  if (responders.size() == 1) return undecided(why);
  log::warning("OCSP: {}: {}; asking the next responder", responders.front().url, why.describe());
  responders.pop_front();
  return {};
}

}  // namespace efs::tls
