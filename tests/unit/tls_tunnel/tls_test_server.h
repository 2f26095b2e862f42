// TlsTestServer: a TLS server in this process, made of OpenSSL itself, at the other end of a socket
// pair. Nothing in it blocks: the test drives both ends. It can do what no server program can be
// told to: not read, ask for new keys at any moment, count the records of a kind.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "efs/base/unique_fd.h"
#include "efs/test_support/temp_dir.h"

namespace efs::tls::testing {

// An authority, and a server and a client certificate of it, as files in a directory of its own;
// all of them end after `hours`.
class TestPki {
 public:
  explicit TestPki(const std::string& authority_name = "Test Root", int hours = 24);
  std::string ca() const { return dir_.at("ca.pem"); }
  std::string serverCertificate() const { return dir_.at("server.pem"); }
  std::string serverKey() const { return dir_.at("server.key"); }
  std::string clientCertificate() const { return dir_.at("client.pem"); }
  std::string clientKey() const { return dir_.at("client.key"); }

  static constexpr const char* kServerName = "fs-1.efs.test";

 private:
  test_support::TempDir dir_;
};

class TlsTestServer {
 public:
  // For thousands of small records that nobody reads; needs root.
  static constexpr int kLargeBuffers = 8 << 20;

  // `version`: TLS1_3_VERSION or TLS1_2_VERSION; `ciphers`: of TLS 1.2, empty for OpenSSL's;
  // `buffers`: of both directions, 0 for the kernel's.
  TlsTestServer(const TestPki& pki, int version, const std::string& ciphers = "", int buffers = 0);

  // The other end, non-blocking; once.
  UniqueFd clientEnd() { return std::move(client_end_); }
  // Goes on as far as it can; false when the handshake has failed.
  bool handshake();
  bool done() const { return SSL_is_init_finished(ssl_.get()) == 1; }
  // All that has arrived; what failed is in failure().
  std::string read();
  // False when not all of it could be sent.
  bool write(std::string_view bytes);
  // KeyUpdate, with or without the wish that the peer does the same; false when it could not be
  // sent.
  bool updateKey(bool requested);
  // KeyUpdate messages of the peer.
  int keyUpdates() const { return key_updates_; }
  bool closed() const { return closed_; }  // close_notify has come
  const std::string& failure() const { return failure_; }
  // What the client offered: names of suites, ids of groups.
  std::vector<std::string> offeredCiphers() const;
  std::vector<int> offeredGroups() const;
  int version() const { return SSL_version(ssl_.get()); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  static void onMessage(int sent, int version, int type, const void* bytes, std::size_t length,
                        SSL* ssl, void* self);
  bool canGoOn(int result);

  UniqueFd client_end_;
  UniqueFd fd_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
  int key_updates_ = 0;
  bool closed_ = false;
  std::string failure_;
};

}  // namespace efs::tls::testing
