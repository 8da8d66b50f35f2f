// Connection: one client, over TCP or TLS: its requests one after the other. Part of http_server.cpp; its thread.
//
// co_await has named arguments alone here: GCC 12 destroys some temporaries in such an expression twice.
#pragma once

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <boost/beast/ssl.hpp>
#include <deque>
#include <list>
#include <utility>

#include "serve/gate.h"
#include "serve/http_server.h"
#include "serve/protocols.h"

namespace pumice_serve {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using net::ip::tcp;
using Clock = std::chrono::steady_clock;
using ErrorCode = boost::system::error_code;

inline constexpr std::size_t kMostHeader = std::size_t{32} << 10;
inline constexpr auto kNever = Clock::time_point::max();

inline auto into(ErrorCode& error) { return net::redirect_error(net::use_awaitable, error); }

// What a worker says, handed over to the network's thread.
struct Mailbox {
  explicit Mailbox(const net::any_io_executor& executor) : news(executor, kNever) {}
  std::deque<Event> events;
  net::steady_timer news;  // cancelled when something has come
  bool gone = false;       // the client has hung up
  bool watching = false;
};

inline net::awaitable<void> wait_for_news(Mailbox& mailbox) {
  ErrorCode ignored;
  mailbox.news.expires_at(kNever);
  co_await mailbox.news.async_wait(into(ignored));
}

inline std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return made;
}

inline HttpRequest request_of(http::request<http::string_body>&& from) {
  HttpRequest request{.method = std::string(from.method_string()), .body = std::move(from.body())};
  const std::string target(from.target());
  request.path = target.substr(0, target.find('?'));
  for (const auto& field : from) request.headers[lower(std::string(field.name_string()))] = std::string(field.value());
  return request;
}

struct HttpServer::State {
  HttpOptions options;
  Service& service;
  net::io_context io{1};
  std::unique_ptr<net::ssl::context> tls;
  std::list<std::function<void()>> idle;  // what hangs up on clients that ask nothing
  bool stopping = false;

  State(HttpOptions given, Service& served) : options(std::move(given)), service(served) {}
  net::awaitable<void> listen(tcp::acceptor& acceptor);
  net::awaitable<void> stop_when_asked(tcp::acceptor& acceptor);
};

// One connection: requests one after the other.
template <typename Stream>
class Connection {
 public:
  Connection(HttpServer::State& server, Stream stream) : server_(server), stream_(std::move(stream)) {}
  net::awaitable<void> run();

 private:
  beast::tcp_stream& tcp() { return beast::get_lowest_layer(stream_); }
  net::awaitable<bool> read();  // false: there is no further request
  net::awaitable<void> answer();
  net::awaitable<void> send(const HttpResponse& response);
  net::awaitable<void> run_job(std::shared_ptr<Job> job, Mailbox& mailbox, Answer& answer);
  net::awaitable<void> generate(Asked& asked);
  net::awaitable<void> answer_once(AskedOnce& asked);
  std::shared_ptr<Job> submit(Task task, const std::shared_ptr<Mailbox>& mailbox);
  net::awaitable<void> watch(std::shared_ptr<Mailbox> mailbox);
  net::awaitable<void> stop_watching(Mailbox& mailbox);
  net::awaitable<void> send_part(const Answer& answer, const std::string& text);
  net::awaitable<void> end_parts();
  void note(int status);
  template <typename Fields>
  void set_fields(Fields& fields, const std::string& type);

  HttpServer::State& server_;
  Stream stream_;
  beast::flat_buffer buffer_{kMostHeader + (std::size_t{64} << 10)};
  HttpRequest request_;
  unsigned version_ = 11;
  bool keep_alive_ = true, begun_ = false, broken_ = false;
  Clock::time_point asked_ = Clock::now();
};

template <typename Stream>
template <typename Fields>
void Connection<Stream>::set_fields(Fields& fields, const std::string& type) {
  fields.set(http::field::content_type, type);
  fields.set(http::field::server, "pumice");
  fields.set(http::field::cache_control, "no-store");
  fields.set("X-Content-Type-Options", "nosniff");
  if (const std::string origin = allowed_origin(server_.options, request_); !origin.empty()) {
    fields.set(http::field::access_control_allow_origin, origin);
    fields.set(http::field::vary, "Origin");
  }
  fields.keep_alive(keep_alive_);
}

template <typename Stream>
void Connection<Stream>::note(int status) {
  const Route* route = nullptr;
  bool other = false;
  route = find_route(request_, &other);
  server_.service.metrics().count(route ? route->path : "other", status);
  if (!server_.options.log) return;
  const double ms = std::chrono::duration<double, std::milli>(Clock::now() - asked_).count();
  server_.options.log({{"method", request_.method},
                       {"path", request_.path},
                       {"status", status},
                       {"ms", ms},
                       {"key", request_.group},
                       {"client_gone", broken_}});
}

template <typename Stream>
net::awaitable<void> Connection<Stream>::send(const HttpResponse& response) {
  http::response<http::string_body> made(static_cast<http::status>(response.status), version_);
  for (const auto& [name, value] : response.headers) made.set(name, value);
  set_fields(made, response.type);
  if (response.status == 401) made.set(http::field::www_authenticate, "Bearer");
  made.body() = response.body;
  made.prepare_payload();
  if (request_.method == "HEAD") made.body().clear();
  ErrorCode error;
  tcp().expires_after(server_.options.write_timeout);
  co_await http::async_write(stream_, made, into(error));
  broken_ = broken_ || error;
  note(response.status);
}

// The header goes with the first part.
template <typename Stream>
net::awaitable<void> Connection<Stream>::send_part(const Answer& answer, const std::string& text) {
  if (text.empty() || broken_) co_return;
  ErrorCode error;
  tcp().expires_after(server_.options.write_timeout);
  if (!begun_) {
    begun_ = true;
    if (version_ < 11) keep_alive_ = false;
    http::response<http::empty_body> head(http::status::ok, version_);
    set_fields(head, answer.type());
    head.set("X-Accel-Buffering", "no");
    if (version_ >= 11) head.chunked(true);
    http::response_serializer<http::empty_body> serializer(head);
    co_await http::async_write_header(stream_, serializer, into(error));
  }
  if (!error && version_ >= 11) {
    const auto chunk = http::make_chunk(net::buffer(text));
    co_await net::async_write(stream_, chunk, into(error));
  } else if (!error)
    co_await net::async_write(stream_, net::buffer(text), into(error));
  broken_ = broken_ || error;
}

template <typename Stream>
net::awaitable<void> Connection<Stream>::end_parts() {
  ErrorCode error;
  const auto last = http::make_chunk_last();
  if (begun_ && version_ >= 11 && !broken_) co_await net::async_write(stream_, last, into(error));
  broken_ = broken_ || error;
  note(200);
}

// Readable without anything to read: the client has hung up.
template <typename Stream>
net::awaitable<void> Connection<Stream>::watch(std::shared_ptr<Mailbox> mailbox) {
  ErrorCode error, ignored;
  co_await tcp().socket().async_wait(tcp::socket::wait_read, into(error));
  if (error != net::error::operation_aborted) mailbox->gone = error || tcp().socket().available(ignored) == 0;
  mailbox->watching = false;
  mailbox->news.cancel();
}

template <typename Stream>
net::awaitable<void> Connection<Stream>::stop_watching(Mailbox& mailbox) {
  while (mailbox.watching) {
    ErrorCode ignored;
    tcp().socket().cancel(ignored);
    co_await wait_for_news(mailbox);
  }
}

template <typename Stream>
std::shared_ptr<Job> Connection<Stream>::submit(Task task, const std::shared_ptr<Mailbox>& mailbox) {
  auto job = std::make_shared<Job>();
  job->task = std::move(task);
  job->sink = [mailbox, executor = stream_.get_executor()](Event event) {
    net::post(executor, [mailbox, event = std::move(event)]() mutable {
      mailbox->events.push_back(std::move(event));
      mailbox->news.cancel();
    });
  };
  server_.service.submit(job);
  mailbox->watching = true;
  net::co_spawn(stream_.get_executor(), watch(mailbox), net::detached);
  return job;
}

template <typename Stream>
net::awaitable<void> Connection<Stream>::generate(Asked& asked) {
  Answer& answer = *asked.answer;
  const auto mailbox = std::make_shared<Mailbox>(stream_.get_executor());
  std::size_t left = asked.generation.n;
  const std::shared_ptr<Job> job = submit(std::move(asked.generation), mailbox);
  std::shared_ptr<ApiError> error;
  // A reply of the model may be anything, and so may what an answer is made of.
  const auto guarded = [&](auto&& make) -> std::string {
    try {
      return make();
    } catch (const std::exception& thrown) {
      error = std::make_shared<ApiError>(500, thrown.what());
      return {};
    }
  };
  const auto take = [&] {
    std::string text;
    for (; !mailbox->events.empty() && !error; mailbox->events.pop_front()) {
      const Event& event = mailbox->events.front();
      if (event.kind == Event::Kind::kStarted) text += answer.started(event.reply, event.prompt_tokens);
      if (event.kind == Event::Kind::kDelta) text += answer.delta(event.reply, event.delta);
      if (event.kind == Event::Kind::kFinished) text += answer.finished(event.reply, event.finish), --left;
      if (event.kind == Event::Kind::kFailed) error = event.error;
    }
    return text;
  };
  while (left > 0 && !error && !mailbox->gone && !broken_) {
    if (mailbox->events.empty()) co_await wait_for_news(*mailbox);
    std::string text = guarded(take);
    if (answer.streams()) co_await send_part(answer, text);
  }
  job->cancelled = true;
  broken_ = broken_ || mailbox->gone;
  co_await stop_watching(*mailbox);
  std::string last;
  if (!error) last = guarded([&] { return answer.end(); });
  if (error && begun_) last = answer.failed(*error);
  if (answer.streams() && !(error && !begun_)) {
    co_await send_part(answer, last);
    co_await end_parts();
    co_return;
  }
  HttpResponse response{.type = answer.type(), .body = std::move(last)};
  if (error) response = answer.refused(*error);
  co_await send(response);
}

template <typename Stream>
net::awaitable<void> Connection<Stream>::answer_once(AskedOnce& asked) {
  const auto mailbox = std::make_shared<Mailbox>(stream_.get_executor());
  const std::shared_ptr<Job> job = submit(std::move(asked.task), mailbox);
  while (mailbox->events.empty() && !mailbox->gone) co_await wait_for_news(*mailbox);
  job->cancelled = true;
  broken_ = broken_ || mailbox->gone;
  co_await stop_watching(*mailbox);
  if (mailbox->events.empty()) co_return note(499);
  const Event& event = mailbox->events.front();
  HttpResponse response;
  if (event.error)
    response = asked.refused(*event.error);
  else
    response = asked.answer(event);
  co_await send(response);
}

template <typename Stream>
net::awaitable<void> Connection<Stream>::answer() {
  bool other_method = false;
  const Route* route = find_route(request_, &other_method);
  const Protocol protocol = route ? route->protocol : Protocol::kOpenAi;
  std::optional<HttpResponse> instead;
  std::optional<Outcome> outcome;
  try {
    check_access(server_.options, request_);
    if (request_.method == "OPTIONS" && !allowed_origin(server_.options, request_).empty())
      instead = HttpResponse{.status = 204,
                             .headers = {{"Access-Control-Allow-Methods", "GET, POST"},
                                         {"Access-Control-Allow-Headers", "authorization, content-type, x-api-key"}}};
    else if (!route)
      throw ApiError(other_method ? 405 : 404, other_method ? "the path has another method" : "there is no such path");
    else
      outcome = route->handler(request_, server_.service);
    if (outcome && std::holds_alternative<HttpResponse>(*outcome))
      instead = std::get<HttpResponse>(std::move(*outcome));
  } catch (const ApiError& error) {
    instead = refused(protocol, error);
  } catch (const Json::exception&) {  // a member of another type than is asked for
    instead = refused(protocol, ApiError(400, "the request has a member of the wrong type"));
  } catch (const pumice::Error& error) {
    instead = refused(protocol, ApiError(500, error.what()));
  }
  if (instead) {
    co_await send(*instead);
    co_return;
  }
  try {
    if (auto* asked = std::get_if<Asked>(&*outcome))
      co_await generate(*asked);
    else
      co_await answer_once(std::get<AskedOnce>(*outcome));
  } catch (const ApiError& error) {  // before anything was sent
    instead = refused(protocol, error);
  }
  if (instead) co_await send(*instead);
}

template <typename Stream>
net::awaitable<bool> Connection<Stream>::read() {
  http::request_parser<http::string_body> parser;
  parser.header_limit(kMostHeader);
  parser.body_limit(server_.options.most_body);
  ErrorCode error;
  const auto hang_up = server_.idle.insert(server_.idle.end(), [&] {
    if (!parser.got_some()) tcp().cancel();
  });
  tcp().expires_after(server_.options.read_timeout);
  co_await http::async_read(stream_, buffer_, parser, into(error));
  server_.idle.erase(hang_up);
  asked_ = Clock::now();
  if (error == http::error::body_limit || error == http::error::header_limit) {
    keep_alive_ = false;
    request_ = {.method = "POST", .path = std::string(parser.get().target())};
    const HttpResponse response = openai_refused(ApiError(413, "the request is too large"));
    co_await send(response);
    co_return false;
  }
  if (error) co_return false;
  version_ = parser.get().version();
  keep_alive_ = parser.get().keep_alive() && !server_.stopping;
  request_ = request_of(parser.release());
  begun_ = false;
  co_return true;
}

template <typename Stream>
net::awaitable<void> Connection<Stream>::run() {
  Metrics& metrics = server_.service.metrics();
  ++metrics.connections;
  ++metrics.open_connections;
  struct Leave {
    Metrics& metrics;
    ~Leave() { --metrics.open_connections; }
  };
  const Leave leave{metrics};
  ErrorCode error;
  if constexpr (!std::is_same_v<Stream, beast::tcp_stream>) {
    tcp().expires_after(server_.options.read_timeout);
    co_await stream_.async_handshake(net::ssl::stream_base::server, into(error));
    if (error) co_return;
  }
  while (co_await read()) {
    co_await answer();
    if (!keep_alive_ || broken_ || server_.stopping) break;
  }
  if constexpr (!std::is_same_v<Stream, beast::tcp_stream>) {
    tcp().expires_after(server_.options.write_timeout);
    co_await stream_.async_shutdown(into(error));
  }
  tcp().socket().shutdown(tcp::socket::shutdown_send, error);
}

}  // namespace pumice_serve
