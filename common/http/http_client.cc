#include "efs/http/http_client.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

#include "curl_library.h"
#include "efs/base/interrupt.h"
#include "efs/base/text.h"
#include "efs/base/users_file.h"
#include "efs/http/url_host.h"

namespace efs::http {
namespace {

// "host" or "host:port" of a URL, without user information; for messages.
std::string hostOf(const std::string& url) {
  const auto scheme = url.find("://");
  const auto begin = scheme == std::string::npos ? 0 : scheme + 3;
  std::string authority = url.substr(begin, url.find_first_of("/?#", begin) - begin);
  const auto at = authority.rfind('@');
  if (at != std::string::npos) authority.erase(0, at + 1);
  return printable(authority, 100);
}

bool hasControlCharacter(std::string_view text) {
  return std::any_of(text.begin(), text.end(), isControl);
}

// A line end inside a header would smuggle in a second header or request (RFC 9112, 11.1). The
// message must not show the value: it may be a credential.
Status checkRequest(const HttpRequest& request) {
  const bool known_scheme =
      request.url.starts_with("http://") || request.url.starts_with("https://");
  if (!known_scheme || hasControlCharacter(request.url)) {
    return Error(ErrorKind::kInvalidInput, "URL is not a valid http or https URL");
  }
  if (request.method.empty() || hasControlCharacter(request.method)) {
    return Error(ErrorKind::kInvalidInput, "request method is not valid");
  }
  for (const auto& [name, value] : request.headers) {
    if (name.empty() || hasControlCharacter(name) || hasControlCharacter(value)) {
      return Error(ErrorKind::kInvalidInput,
                   "value of header " + printable(name, 60) + " contains a control character");
    }
  }
  return {};
}

// As Python's urllib reads the variables, and with it botocore. Empty: none, whatever ALL_PROXY
// says. A CGI program's HTTP_PROXY is a header of who calls it.
// NOLINTBEGIN(concurrency-mt-unsafe): no program of ours changes its environment in a thread
std::string proxyFor(const std::string& url) {
  const bool secure = url.starts_with("https:");
  const char* lower = secure ? "https_proxy" : "http_proxy";
  if (const char* value = std::getenv(lower)) return value;
  if (!secure && std::getenv("REQUEST_METHOD") != nullptr) return {};
  const char* value = std::getenv(secure ? "HTTPS_PROXY" : "HTTP_PROXY");
  return value != nullptr ? value : "";
}
// NOLINTEND(concurrency-mt-unsafe)

ErrorKind kindOf(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return ErrorKind::kTimeout;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return ErrorKind::kNotFound;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return ErrorKind::kUntrusted;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
      return ErrorKind::kReset;
    case CURLE_URL_MALFORMAT:
      return ErrorKind::kInvalidInput;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_UNKNOWN_OPTION:
      return ErrorKind::kInternal;
    default:
      return ErrorKind::kProtocol;
  }
}

struct ReplyBuffer {
  std::string body;
  std::string date;
  std::size_t limit = 0;
  bool too_long = false;
};

// libcurl calls this from C; nothing may be thrown through it.
std::size_t collect(char* data, std::size_t size, std::size_t count, void* target) noexcept {
  auto& reply = *static_cast<ReplyBuffer*>(target);
  const std::size_t bytes = size * count;  // libcurl: size is always 1
  if (bytes > reply.limit - reply.body.size()) {
    reply.too_long = true;
    return 0;
  }
  reply.body.append(data, bytes);
  return bytes;
}

// One line of the head at a time.
std::size_t collectDate(char* data, std::size_t size, std::size_t count, void* target) noexcept {
  constexpr std::string_view kName = "date:";
  constexpr std::size_t kLongest = 80;
  const std::string_view line(data, size * count);
  auto& reply = *static_cast<ReplyBuffer*>(target);
  if (line.size() < kLongest && toLower(line.substr(0, kName.size())) == kName) {
    reply.date = trim(line.substr(kName.size()));
  }
  return line.size();
}

// libcurl calls this about once a second while it waits; anything but 0 ends the request.
int stopWhenInterrupted(void*, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
  return interrupted() != 0 ? 1 : 0;
}

// One request: an easy handle with its header list and buffers.
class Exchange {
 public:
  Exchange(const CurlLibrary& curl, const HttpRequest& request, const std::string& ca_bundle)
      : curl_(curl),
        request_(request),
        ca_bundle_(request.ca_bundle.empty() ? ca_bundle : request.ca_bundle),
        handle_(curl.easy_init()) {
    reply_.limit = request.max_reply;
  }
  ~Exchange() {
    if (handle_ != nullptr) curl_.easy_cleanup(handle_);
    curl_.slist_free_all(headers_);
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  Result<HttpReply> run() {
    if (handle_ == nullptr || !addHeaders() || !setTransport() || !setRequest()) {
      return Error(ErrorKind::kInternal, "setting up the request failed");
    }
    const CURLcode code = curl_.easy_perform(handle_);
    if (reply_.too_long) {
      return Error(ErrorKind::kProtocol,
                   "the reply is longer than " + std::to_string(request_.max_reply) + " bytes");
    }
    if (code == CURLE_ABORTED_BY_CALLBACK) return interruptedError();
    if (code != CURLE_OK) return failure(code);
    long status = 0;
    curl_.easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    return HttpReply{static_cast<int>(status), std::move(reply_.body), std::move(reply_.date)};
  }

 private:
  template <typename T>
  bool set(CURLoption option, T value) {
    return curl_.easy_setopt(handle_, option, value) == CURLE_OK;
  }

  bool addHeader(const std::string& line) {
    curl_slist* longer = curl_.slist_append(headers_, line.c_str());
    if (longer == nullptr) return false;
    headers_ = longer;
    return true;
  }

  bool addHeaders() {
    bool has_content_type = false;
    for (const auto& [name, value] : request_.headers) {
      has_content_type |= toLower(name) == "content-type";
      // "name:" would make libcurl remove the header; ";" sends it with an empty value.
      std::string line = name;
      line += value.empty() ? ";" : ": ";
      line += value;
      if (!addHeader(line)) return false;
    }
    // libcurl's own idea of a form, and its wait for "100 Continue", are not wanted.
    return (has_content_type || addHeader("Content-Type:")) && addHeader("Expect:");
  }

  bool setTransport() {
    const auto timeout_ms = static_cast<long>(request_.timeout.count());
    return set(CURLOPT_NOSIGNAL, 1L) && set(CURLOPT_TIMEOUT_MS, timeout_ms) &&
           set(CURLOPT_CONNECTTIMEOUT_MS, timeout_ms) && set(CURLOPT_FOLLOWLOCATION, 0L) &&
           set(CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS)) &&
           set(CURLOPT_ERRORBUFFER, error_text_.data()) && set(CURLOPT_WRITEFUNCTION, &collect) &&
           set(CURLOPT_WRITEDATA, static_cast<void*>(&reply_)) &&
           set(CURLOPT_HEADERFUNCTION, &collectDate) &&
           set(CURLOPT_HEADERDATA, static_cast<void*>(&reply_)) && set(CURLOPT_NOPROGRESS, 0L) &&
           set(CURLOPT_XFERINFOFUNCTION, &stopWhenInterrupted) &&
           set(CURLOPT_USERAGENT, "efsmount") &&
           set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED)) && setProxy() &&
           (ca_bundle_.empty() || set(CURLOPT_CAINFO, ca_bundle_.c_str()));
  }

  // An empty name forbids any proxy of the environment (CURLOPT_PROXY(3)). A proxy on another host
  // would ask its own metadata service, and see our keys.
  bool setProxy() {
    const auto host = urlHost(request_.url);
    const bool direct = request_.direct || !host || isOnThisHost(*host);
    if (direct) return set(CURLOPT_PROXY, "") && set(CURLOPT_NOPROXY, "*");
    return set(CURLOPT_PROXY, proxyFor(request_.url).c_str());
  }

  bool setRequest() {
    if (!set(CURLOPT_URL, request_.url.c_str()) || !set(CURLOPT_HTTPHEADER, headers_)) return false;
    if (request_.method == "GET" && request_.body.empty()) return set(CURLOPT_HTTPGET, 1L);
    return set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size())) &&
           set(CURLOPT_POSTFIELDS, request_.body.data()) &&
           set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }

  Error failure(CURLcode code) {
    const char* text = error_text_[0] != '\0' ? error_text_.data() : curl_.easy_strerror(code);
    ErrorKind kind = kindOf(code);
    long os_error = 0;
    curl_.easy_getinfo(handle_, CURLINFO_OS_ERRNO, &os_error);
    if (code == CURLE_COULDNT_CONNECT) {
      kind = os_error != 0 ? kindOfErrno(static_cast<int>(os_error)) : ErrorKind::kRefused;
    }
    return {kind, printable(text)};
  }

  const CurlLibrary& curl_;
  const HttpRequest& request_;
  const std::string& ca_bundle_;
  CURL* handle_;
  curl_slist* headers_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> error_text_{};
  ReplyBuffer reply_;
};

class CurlClient final : public HttpClient {
 public:
  explicit CurlClient(std::string ca_bundle) : ca_bundle_(std::move(ca_bundle)) {}

  Result<HttpReply> send(const HttpRequest& request) const override {
    const std::string what = printable(request.method, 20) + " to " + hostOf(request.url);
    if (auto fine = checkRequest(request); !fine) {
      return unexpected(std::move(fine.error().addContext(what)));
    }
    EFS_CHECK(bundleAnswers(request).withContext(what));
    auto curl = library();
    if (!curl) return unexpected(std::move(curl.error().addContext(what)));
    return Exchange(**curl, request, ca_bundle_).run().withContext(what);
  }

 private:
  // libcurl reads the file of authorities itself, and would wait for it.
  Status bundleAnswers(const HttpRequest& request) const {
    const std::string& bundle = request.ca_bundle.empty() ? ca_bundle_ : request.ca_bundle;
    if (bundle.empty() || !request.url.starts_with("https:")) return {};
    return usersPathAnswers(bundle);
  }
  Result<const CurlLibrary*> library() const {
    if (!library_) {
      EFS_TRY(loaded, loadCurl());
      library_ = loaded;
    }
    return &*library_;
  }

  std::string ca_bundle_;
  mutable std::optional<CurlLibrary> library_;
};

}  // namespace

std::unique_ptr<HttpClient> makeHttpClient(std::string ca_bundle) {
  return std::make_unique<CurlClient>(std::move(ca_bundle));
}

}  // namespace efs::http
