#include "kv/tiers/redis_tls.h"

#ifdef PUMICE_HAS_OPENSSL

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <climits>

namespace pumice {
namespace {

// OpenSSL's own socket BIO writes without MSG_NOSIGNAL, which would raise SIGPIPE in the host program.
const Socket& socket_of(BIO* bio) { return *static_cast<const Socket*>(BIO_get_data(bio)); }

int bio_write(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const Socket::Attempt sent = socket_of(bio).try_send(std::as_bytes(std::span(data, static_cast<size_t>(size))));
  if (sent.again) BIO_set_retry_write(bio);
  return static_cast<int>(sent.bytes);
}

int bio_read(BIO* bio, char* to, int size) {
  BIO_clear_retry_flags(bio);
  const Socket::Attempt got =
      socket_of(bio).try_receive(std::as_writable_bytes(std::span(to, static_cast<size_t>(size))));
  if (got.again) BIO_set_retry_read(bio);
  return static_cast<int>(got.bytes);
}

long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

Error tls_error(const char* what) {
  char reason[160] = "unknown cause";
  if (const unsigned long code = ERR_get_error()) ERR_error_string_n(code, reason, sizeof reason);
  ERR_clear_error();
  return error(Status::kIo, "Redis with TLS: %s: %s", what, reason);
}

template <auto kFree>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
template <typename T, auto kFree>
using Owned = std::unique_ptr<T, Freed<kFree>>;

class TlsStream final : public RedisStream {
 public:
  explicit TlsStream(Socket socket) : socket_(std::move(socket)) {}

  Result<void> start(const RedisStreamOptions& options, Deadline deadline) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    if (!context_) return tls_error("cannot be set up");
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    const bool trust = options.ca_file.empty()
                           ? SSL_CTX_set_default_verify_paths(context_.get()) == 1
                           : SSL_CTX_load_verify_locations(context_.get(), options.ca_file.c_str(), nullptr) == 1;
    if (!trust) return tls_error("the file of trusted certificates cannot be read");
    ssl_.reset(SSL_new(context_.get()));
    if (!ssl_ || !attach() || !expect(options.host)) return tls_error("cannot be set up");
    for (;;) {
      PUMICE_TRY(socket_.check(deadline));
      ERR_clear_error();  // what is left of others would be taken for this call's
      const int done = SSL_connect(ssl_.get());
      if (done == 1) return {};
      const long refused = SSL_get_verify_result(ssl_.get());
      if (refused != X509_V_OK) {
        ERR_clear_error();
        return error(Status::kIo, "Redis with TLS: the server's certificate is not trusted: %s",
                     X509_verify_cert_error_string(refused));
      }
      PUMICE_TRY(go_on(done, "no agreement with the server", deadline));
    }
  }

  Result<void> send(std::span<const std::byte> data, Deadline deadline) override {
    while (!data.empty()) {
      PUMICE_TRY(socket_.check(deadline));
      const int size = static_cast<int>(std::min<size_t>(data.size(), INT_MAX));
      ERR_clear_error();
      const int sent = SSL_write(ssl_.get(), data.data(), size);
      if (sent > 0) {
        data = data.subspan(static_cast<size_t>(sent));
      } else {
        PUMICE_TRY(go_on(sent, "sending failed", deadline));
      }
    }
    return {};
  }

  Result<size_t> receive(std::span<std::byte> to, Deadline deadline) override {
    for (;;) {
      PUMICE_TRY(socket_.check(deadline));
      ERR_clear_error();
      const int got = SSL_read(ssl_.get(), to.data(), static_cast<int>(std::min<size_t>(to.size(), INT_MAX)));
      if (got > 0) return static_cast<size_t>(got);
      PUMICE_TRY(go_on(got, "the connection was closed", deadline));
    }
  }

 private:
  bool attach() {
    method_.reset(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "pumice socket"));
    if (!method_) return false;
    BIO_meth_set_write(method_.get(), bio_write);
    BIO_meth_set_read(method_.get(), bio_read);
    BIO_meth_set_ctrl(method_.get(), bio_control);
    BIO* const bio = BIO_new(method_.get());
    if (!bio) return false;
    BIO_set_data(bio, &socket_);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return true;
  }

  // The name, or the address, that the certificate must be for.
  bool expect(const std::string& host) {
    X509_VERIFY_PARAM* const parameters = SSL_get0_param(ssl_.get());
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1) return true;
    ERR_clear_error();
    return SSL_set_tlsext_host_name(ssl_.get(), host.c_str()) == 1 && SSL_set1_host(ssl_.get(), host.c_str()) == 1;
  }

  Result<void> go_on(int returned, const char* failure, Deadline deadline) {
    switch (SSL_get_error(ssl_.get(), returned)) {
      case SSL_ERROR_WANT_READ:
        return socket_.wait_readable(deadline);
      case SSL_ERROR_WANT_WRITE:
        return socket_.wait_writable(deadline);
      default:
        return tls_error(failure);
    }
  }

  Socket socket_;
  Owned<BIO_METHOD, BIO_meth_free> method_;
  Owned<SSL_CTX, SSL_CTX_free> context_;
  Owned<SSL, SSL_free> ssl_;
};

}  // namespace

bool redis_has_tls() { return true; }

Result<std::unique_ptr<RedisStream>> start_tls(Socket socket, const RedisStreamOptions& options,
                                               RedisStream::Deadline deadline) {
  auto stream = std::make_unique<TlsStream>(std::move(socket));
  PUMICE_TRY(stream->start(options, deadline));
  return std::unique_ptr<RedisStream>(std::move(stream));
}

}  // namespace pumice

#else

namespace pumice {

bool redis_has_tls() { return false; }

Result<std::unique_ptr<RedisStream>> start_tls(Socket, const RedisStreamOptions&, RedisStream::Deadline) {
  return error(Status::kUnsupported, "this build has no TLS");
}

}  // namespace pumice

#endif
