#include "efs/tls/revocation_check.h"

#include <openssl/err.h>
#include <openssl/http.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include <algorithm>
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
constexpr Duration kLongestMemory{3600 * 1000};
constexpr std::size_t kMaxRemembered = 16;
constexpr int kMaxChain = 10;
constexpr int kMaxResponders = 4;  // per certificate
constexpr int kMaxLine = 4096;     // of the responder's HTTP header

using ResponsePtr = std::unique_ptr<OCSP_RESPONSE, Deleter<OCSP_RESPONSE_free>>;
using BasicPtr = std::unique_ptr<OCSP_BASICRESP, Deleter<OCSP_BASICRESP_free>>;
using CertIdPtr = std::unique_ptr<OCSP_CERTID, Deleter<OCSP_CERTID_free>>;
using RequestPtr = std::unique_ptr<OCSP_REQUEST, Deleter<OCSP_REQUEST_free>>;
using ExchangePtr = std::unique_ptr<OSSL_HTTP_REQ_CTX, Deleter<OSSL_HTTP_REQ_CTX_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Deleter<X509_STORE_free>>;
using ChainPtr =
    std::unique_ptr<STACK_OF(X509),
                    decltype([](STACK_OF(X509) * chain) { sk_X509_pop_free(chain, X509_free); })>;
using UrlsPtr = std::unique_ptr<STACK_OF(OPENSSL_STRING), Deleter<X509_email_free>>;

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
  if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
    return Error(ErrorKind::kProtocol,
                 std::string("responder says ") + OCSP_response_status_str(status));
  const BasicPtr basic(OCSP_response_get1_basic(response));
  if (!basic) return Error(ErrorKind::kProtocol, "no basic response: " + takeReason("unknown"));
  if (OCSP_basic_verify(basic.get(), chain, store, 0) != 1)
    return Error(ErrorKind::kProtocol, "its signature is not accepted: " + takeReason("unknown"));
  Answer answer;
  ASN1_GENERALIZEDTIME* this_update = nullptr;
  ASN1_GENERALIZEDTIME* next_update = nullptr;
  // OpenSSL 3.0 takes a pointer to a certificate id that it does not change.
  if (OCSP_resp_find_status(basic.get(), const_cast<OCSP_CERTID*>(id), &answer.status, nullptr,
                            nullptr, &this_update, &next_update) != 1)
    return Error(ErrorKind::kProtocol, "it is about another certificate");
  if (OCSP_check_validity(this_update, next_update, kClockSkew, -1) != 1)
    return Error(ErrorKind::kProtocol, "it is of another time: " + takeReason("unknown"));
  answer.valid_until = wallTime(next_update);
  return answer;
}

std::optional<RevocationCheck::Responder> parseResponder(const char* url) {
  int tls = 0;
  int port = 0;
  char* host = nullptr;
  char* path = nullptr;
  const bool good =
      OSSL_HTTP_parse_url(url, &tls, nullptr, &host, nullptr, &port, &path, nullptr, nullptr) == 1;
  ERR_clear_error();
  std::optional<RevocationCheck::Responder> responder;
  if (good && tls == 0 && port > 0 && port <= 65535)
    responder = {host, static_cast<std::uint16_t>(port), path, printable(url)};
  OPENSSL_free(host);
  OPENSSL_free(path);
  return responder;
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
  std::deque<RevocationCheck::Responder> responders;
};

std::deque<RevocationCheck::Responder> respondersOf(X509* certificate) {
  std::deque<RevocationCheck::Responder> responders;
  const UrlsPtr urls(X509_get1_ocsp(certificate));
  const int count = urls ? std::min(sk_OPENSSL_STRING_num(urls.get()), kMaxResponders) : 0;
  for (int i = 0; i < count; ++i) {
    if (auto responder = parseResponder(sk_OPENSSL_STRING_value(urls.get(), i)))
      responders.push_back(std::move(*responder));
  }
  return responders;
}

bool namesResponders(X509* certificate) {
  const UrlsPtr urls(X509_get1_ocsp(certificate));
  return urls && sk_OPENSSL_STRING_num(urls.get()) > 0;
}

Error refusal(const X509* certificate, const std::string& why) {
  return {ErrorKind::kUntrusted,
          "OCSP: " + why + " (subject \"" + nameText(X509_get_subject_name(certificate)) + "\")"};
}

}  // namespace

void RevocationMemory::remember(const std::string& fingerprint, WallTime until) {
  if (good_.size() >= kMaxRemembered) good_.clear();
  good_[fingerprint] = until;
}

bool RevocationMemory::isGood(const std::string& fingerprint, WallTime now) const {
  const auto found = good_.find(fingerprint);
  return found != good_.end() && now < found->second;
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
  BioPtr bio;
  ExchangePtr exchange;  // uses bio

  void collect();
  Status takeStaple(const SSL* ssl);
  void noteGood(const X509* certificate, const Answer& answer) const;
  Status take(const Answer& answer);
  void endExchange() {
    exchange.reset();
    bio.reset();
    fd.reset();
  }
};

// The root answers for itself.
void RevocationCheck::Impl::collect() {
  const int count = std::min(sk_X509_num(chain.get()), kMaxChain);
  for (int i = 0; i + 1 < count; ++i) {
    X509* certificate = sk_X509_value(chain.get(), i);
    if (memory->isGood(fingerprintOf(certificate), clock->now())) continue;
    if (!namesResponders(certificate)) {
      log::debug("OCSP: \"{}\" names no responder", nameText(X509_get_subject_name(certificate)));
      continue;
    }
    questions.push_back(
        {certificate, sk_X509_value(chain.get(), i + 1), respondersOf(certificate)});
  }
}

void RevocationCheck::Impl::noteGood(const X509* certificate, const Answer& answer) const {
  const WallTime longest = clock->now() + kLongestMemory;
  memory->remember(fingerprintOf(certificate),
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
  const ResponsePtr response(d2i_OCSP_RESPONSE(nullptr, &bytes, length));
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
  impl->chain.reset(X509_chain_up_ref(SSL_get0_verified_chain(ssl)));
  X509_STORE* store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
  if (!impl->chain || X509_STORE_up_ref(store) != 1)
    return Error(ErrorKind::kInternal, "OCSP: no verified chain");
  impl->store.reset(store);
  EFS_CHECK(impl->takeStaple(ssl));
  impl->collect();
  RevocationCheck check(std::move(impl));
  // Only addresses that we cannot ask: https, or not a URL at all.
  for (const auto& question : check.impl_->questions) {
    if (question.responders.empty())
      return refusal(question.certificate, "the certificate names no responder with http");
  }
  return check;
}

std::optional<RevocationCheck::Responder> RevocationCheck::next() const {
  if (impl_->questions.empty()) return std::nullopt;
  return impl_->questions.front().responders.front();
}

Status RevocationCheck::ask(UniqueFd socket) {
  const Question& question = impl_->questions.front();
  const Responder& responder = question.responders.front();
  const RequestPtr request(OCSP_REQUEST_new());
  CertIdPtr id = idOf(question.certificate, question.issuer);
  impl_->endExchange();
  impl_->bio.reset(BIO_new_socket(socket.get(), BIO_NOCLOSE));
  impl_->fd = std::move(socket);
  if (!request || !id || !impl_->bio || OCSP_request_add0_id(request.get(), id.get()) == nullptr)
    return Error(ErrorKind::kInternal, "OCSP: " + takeReason("out of memory"));
  (void)id.release();  // the request's now
  impl_->exchange.reset(
      OCSP_sendreq_new(impl_->bio.get(), responder.path.c_str(), nullptr, kMaxLine));
  OSSL_HTTP_REQ_CTX* exchange = impl_->exchange.get();
  if (exchange == nullptr ||
      OSSL_HTTP_REQ_CTX_add1_header(exchange, "Host", responder.host.c_str()) != 1 ||
      OSSL_HTTP_REQ_CTX_set1_req(exchange, "application/ocsp-request", ASN1_ITEM_rptr(OCSP_REQUEST),
                                 reinterpret_cast<const ASN1_VALUE*>(request.get())) != 1)
    return Error(ErrorKind::kInternal, "OCSP: " + takeReason("out of memory"));
  return {};
}

io::IoState RevocationCheck::drive() {
  ERR_clear_error();
  OCSP_RESPONSE* raw = nullptr;
  const int result = OCSP_sendreq_nbio(&raw, impl_->exchange.get());
  const ResponsePtr response(raw);
  if (result == -1) return io::IoState::kWouldBlock;
  const Question& question = impl_->questions.front();
  Result<Answer> answer =
      Error(ErrorKind::kProtocol, "no OCSP answer: " + takeReason("the connection ended"));
  if (result == 1 && response) {
    const CertIdPtr id = idOf(question.certificate, question.issuer);
    answer = judge(response.get(), id.get(), impl_->chain.get(), impl_->store.get());
  }
  Status taken = answer ? impl_->take(*answer) : unexpected(answer.error());
  if (taken) return io::IoState::kDone;
  impl_->error = taken.error();
  return io::IoState::kFailed;
}

int RevocationCheck::fd() const { return impl_->fd.get(); }
const Error& RevocationCheck::error() const { return impl_->error; }
bool RevocationCheck::answered() const { return impl_->answered; }

Status RevocationCheck::responderFailed(const Error& error) {
  impl_->endExchange();
  Question& question = impl_->questions.front();
  const Responder failed = std::move(question.responders.front());
  question.responders.pop_front();
  if (!question.responders.empty()) {
    log::warning("OCSP: {}: {}; asking the next responder", failed.url, error.describe());
    return {};
  }
  return refusal(question.certificate, "whether the certificate is revoked cannot be found out: " +
                                           failed.url + ": " + error.message())
      .addHint("let this host reach the responder, or mount with noocsp");
}

}  // namespace efs::tls
