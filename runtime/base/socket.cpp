#include "base/socket.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/socket_system.h"
#include "base/thread.h"

namespace pumice {

// The look-up's thread and those who wait for it own it together: it may outlive them all.
struct HostNames::Lookup {
  Lookup(std::string its_host, uint16_t its_port) : host(std::move(its_host)), port(std::to_string(its_port)) {}
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;
  ~Lookup() {
    if (list) socket_system::forget(list);
  }

  int ask(bool numeric) { return socket_system::find(host.c_str(), port.c_str(), numeric, &list); }

  const std::string host, port;
  std::mutex mutex;  // guards what follows until `done`
  std::condition_variable changed;
  bool done = false;
  int problem = 0;
  addrinfo* list = nullptr;
};

namespace {

constexpr std::chrono::milliseconds kStopLatency{20};  // how long `stop` may go unnoticed

Error away(const std::string& host, const std::string& why) {
  return error(Status::kIo, "%s cannot be reached: %s", host.c_str(), why.c_str());
}

Result<void> check_time(const std::string& peer, const std::atomic<bool>* stop, SocketDeadline deadline) {
  if (stop && *stop) return error(Status::kCancelled, "%s: the connection is being closed", peer.c_str());
  if (std::chrono::steady_clock::now() >= deadline)
    return error(Status::kTimeout, "%s did not answer in time: raise the time-out or use a faster server",
                 peer.c_str());
  return {};
}

}  // namespace

Result<std::shared_ptr<const HostNames::Lookup>> HostNames::find(const std::string& host, uint16_t port,
                                                                 const std::atomic<bool>* stop,
                                                                 SocketDeadline deadline) {
  if (!pending_ || pending_->host != host || pending_->port != std::to_string(port)) {
    auto lookup = std::make_shared<Lookup>(host, port);
    if (lookup->ask(true) == 0) return std::shared_ptr<const Lookup>(std::move(lookup));
    PUMICE_TRY(Thread::start_detached("pumice-names", [lookup] {
      const int problem = lookup->ask(false);
      std::lock_guard lock(lookup->mutex);
      lookup->problem = problem;
      lookup->done = true;
      lookup->changed.notify_all();
    }));
    pending_ = std::move(lookup);
  }
  std::unique_lock lock(pending_->mutex);
  while (!pending_->done) {
    PUMICE_TRY(check_time(host, stop, deadline));
    pending_->changed.wait_until(lock, std::min(deadline, std::chrono::steady_clock::now() + kStopLatency));
  }
  lock.unlock();
  const std::shared_ptr<const Lookup> found = std::exchange(pending_, nullptr);
  if (found->problem != 0) return away(host, socket_system::lookup_text(found->problem));
  return found;
}

Result<Socket> Socket::connect(HostNames& names, const std::string& host, uint16_t port, const std::atomic<bool>* stop,
                               SocketDeadline deadline) {
  PUMICE_ASSIGN(const auto found, names.find(host, port, stop, deadline));
  Error last = away(host, "it has no address");
  for (const addrinfo* address = found->list; address; address = socket_system::next(address)) {
    int problem = 0;
    Socket socket(socket_system::start_connecting(*address, &problem), host, stop);
    if (socket.handle_ != socket_system::kNone && socket_system::again(problem)) {
      PUMICE_TRY(socket.wait(socket_system::For::kWriting, deadline));
      problem = socket_system::outcome(socket.handle_);
    }
    if (socket.handle_ != socket_system::kNone && problem == 0) return socket;
    last = away(host, socket_system::text(problem));
  }
  return last;
}

Socket::Socket(Socket&& other) noexcept
    : handle_(std::exchange(other.handle_, socket_system::kNone)), peer_(std::move(other.peer_)), stop_(other.stop_) {}

Socket::~Socket() {
  if (handle_ != socket_system::kNone) socket_system::close(handle_);
}

Error Socket::failed() const {
  return error(Status::kIo, "%s: %s", peer_.c_str(), socket_system::text(socket_system::problem()).c_str());
}

Socket::Attempt Socket::try_send(std::span<const std::byte> data) const {
  const ptrdiff_t sent = socket_system::send(handle_, data);
  return {sent, sent < 0 && socket_system::again(socket_system::problem())};
}

Socket::Attempt Socket::try_receive(std::span<std::byte> to) const {
  const ptrdiff_t got = socket_system::receive(handle_, to);
  return {got, got < 0 && socket_system::again(socket_system::problem())};
}

Result<void> Socket::send(std::span<const std::byte> data, SocketDeadline deadline) const {
  while (!data.empty()) {
    PUMICE_TRY(check(deadline));
    const Attempt sent = try_send(data);
    if (sent.bytes > 0) {
      data = data.subspan(static_cast<size_t>(sent.bytes));
    } else if (sent.again) {
      PUMICE_TRY(wait(socket_system::For::kWriting, deadline));
    } else {
      return failed();
    }
  }
  return {};
}

Result<size_t> Socket::receive(std::span<std::byte> to, SocketDeadline deadline) const {
  for (;;) {
    PUMICE_TRY(check(deadline));
    const Attempt got = try_receive(to);
    if (got.bytes > 0) return static_cast<size_t>(got.bytes);
    if (got.bytes == 0) return error(Status::kIo, "%s closed the connection", peer_.c_str());
    if (!got.again) return failed();
    PUMICE_TRY(wait(socket_system::For::kReading, deadline));
  }
}

Result<void> Socket::wait_readable(SocketDeadline deadline) const {
  return wait(socket_system::For::kReading, deadline);
}
Result<void> Socket::wait_writable(SocketDeadline deadline) const {
  return wait(socket_system::For::kWriting, deadline);
}
Result<void> Socket::check(SocketDeadline deadline) const { return check_time(peer_, stop_, deadline); }

Result<void> Socket::wait(socket_system::For what, SocketDeadline deadline) const {
  for (;;) {
    PUMICE_TRY(check(deadline));
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const int ready = socket_system::wait(handle_, what, std::clamp(left, {}, kStopLatency));
    if (ready > 0) return {};
    if (ready < 0 && !socket_system::again(socket_system::problem())) return failed();
  }
}

}  // namespace pumice
