#include "serve/http_server.h"

#include <utility>

#include "serve/connection.h"

namespace pumice_serve {

template <typename Stream>
static net::awaitable<void> serve(HttpServer::State& server, Stream stream) {
  Connection<Stream> connection(server, std::move(stream));
  co_await connection.run();
}

net::awaitable<void> HttpServer::State::listen(tcp::acceptor& acceptor) {
  while (!stopping) {
    ErrorCode error;
    tcp::socket socket = co_await acceptor.async_accept(into(error));
    if (error == net::error::operation_aborted || stopping) co_return;
    if (error) {  // no descriptors are left: those that are open will close
      net::steady_timer pause(io, std::chrono::milliseconds(50));
      co_await pause.async_wait(into(error));
      continue;
    }
    if (service.metrics().open_connections >= options.most_connections) continue;
    socket.set_option(tcp::no_delay(true), error);
    if (tls)
      net::co_spawn(io, serve(*this, beast::ssl_stream<beast::tcp_stream>(beast::tcp_stream(std::move(socket)), *tls)),
                    net::detached);
    else
      net::co_spawn(io, serve(*this, beast::tcp_stream(std::move(socket))), net::detached);
  }
}

net::awaitable<void> HttpServer::State::stop_when_asked(tcp::acceptor& acceptor) {
  net::steady_timer timer(io);
  ErrorCode ignored;
  const auto tick = [&] { timer.expires_after(std::chrono::milliseconds(100)); };
  for (tick(); !options.stopping || !options.stopping(); tick()) co_await timer.async_wait(into(ignored));
  stopping = true;
  acceptor.close(ignored);
  for (const auto& hang_up : idle) hang_up();
  const auto end = Clock::now() + options.grace;
  const Metrics& metrics = service.metrics();
  for (tick(); metrics.open_connections > 0 && Clock::now() < end; tick()) co_await timer.async_wait(into(ignored));
  service.stop();
  const auto last = Clock::now() + std::chrono::seconds(2);
  for (tick(); metrics.open_connections > 0 && Clock::now() < last; tick()) co_await timer.async_wait(into(ignored));
  io.stop();
}

HttpServer::HttpServer(HttpOptions options, Service& service)
    : state_(std::make_unique<State>(std::move(options), service)) {}
HttpServer::~HttpServer() = default;

void HttpServer::run() {
  const HttpOptions& options = state_->options;
  if (!options.certificate.empty()) {
    state_->tls = std::make_unique<net::ssl::context>(net::ssl::context::tls_server);
    state_->tls->use_certificate_chain_file(options.certificate);
    state_->tls->use_private_key_file(options.private_key, net::ssl::context::pem);
  }
  tcp::resolver resolver(state_->io);
  const auto found = resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive);
  tcp::acceptor acceptor(state_->io, *found.begin());
  if (options.ready) options.ready(acceptor.local_endpoint().port());
  net::co_spawn(state_->io, state_->listen(acceptor), net::detached);
  net::co_spawn(state_->io, state_->stop_when_asked(acceptor), net::detached);
  state_->io.run();
}

}  // namespace pumice_serve
