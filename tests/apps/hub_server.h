// HubServer: what of Hugging Face's server a download needs, on this machine, and as unreliable as a test wants it.
#pragma once

#include <sodium.h>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/fake_server.h"

namespace pumice::test {

inline std::string sha256_of(const std::string& bytes) {
  unsigned char digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(digest, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  char hex[2 * sizeof digest + 1];
  return sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
}

class HubServer {
 public:
  struct Request {
    std::string path;
    std::map<std::string, std::string> headers;  // keys in lower case
  };
  // For one answer with a file's bytes.
  struct Fault {
    int status = 0;                                          // instead of the bytes
    std::size_t cut_after = SIZE_MAX;                        // bytes of the body
    bool corrupt = false, no_ranges = false, stall = false;  // stall: nothing comes behind the cut
    std::function<void(HubServer&)> after = {};
  };

  HubServer() : server_([this](const Peer& peer) { serve(peer); }) {}

  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.port()); }
  void set_file(const std::string& path, const std::string& bytes) {
    const std::lock_guard lock(mutex_);
    files_[path] = bytes;
  }
  // The next answers with bytes, in this order; others are as they should be.
  void add_faults(std::vector<Fault> faults) {
    const std::lock_guard lock(mutex_);
    faults_.insert(faults_.end(), faults.begin(), faults.end());
  }
  void promise(const std::string& path, const std::string& sha256) {
    const std::lock_guard lock(mutex_);
    promised_[path] = sha256;
  }
  void fail_metadata(int status) { metadata_status_ = status; }
  std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::size_t requests_with(const std::string& header) const {
    const std::vector<Request> all = requests();
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [&](const Request& one) { return one.headers.contains(header); }));
  }

  static inline const std::string kCommit = std::string(40, 'c');

 private:
  static Request parsed(const std::string& text) {
    Request request;
    const std::size_t first = text.find(' ');
    request.path = text.substr(first + 1, text.find(' ', first + 1) - first - 1);
    for (std::size_t at = text.find("\r\n") + 2; at < text.size();) {
      const std::size_t end = std::min(text.find("\r\n", at), text.size()), colon = text.find(": ", at);
      if (colon < end) {
        std::string key = text.substr(at, colon - at);
        std::transform(key.begin(), key.end(), key.begin(), [](unsigned char c) { return std::tolower(c); });
        request.headers[key] = text.substr(colon + 2, end - colon - 2);
      }
      at = end + 2;
    }
    return request;
  }

  static void answer(const Peer& peer, int status, const std::string& headers, const std::string& body) {
    peer.send("HTTP/1.1 " + std::to_string(status) + " It is\r\nConnection: close\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body);
  }

  std::string metadata() const {
    nlohmann::json list = nlohmann::json::array({{{"rfilename", "README.md"}}});
    for (const auto& [path, bytes] : files_) {
      const auto promised = promised_.find(path);
      list.push_back({{"rfilename", path},
                      {"size", bytes.size()},
                      {"lfs",
                       {{"sha256", promised == promised_.end() ? sha256_of(bytes) : promised->second},
                        {"size", bytes.size()},
                        {"pointerSize", 134}}}});
    }
    return nlohmann::json{{"id", "org/m"}, {"sha", kCommit}, {"siblings", list}}.dump();
  }

  void serve(const Peer& peer) {
    std::string text;
    while (text.find("\r\n\r\n") == std::string::npos) {
      const std::string more = peer.receive();
      if (more.empty()) return;
      text += more;
    }
    const Request request = parsed(text);
    std::unique_lock lock(mutex_);
    requests_.push_back(request);
    const std::string resolve = "/org/m/resolve/" + kCommit + "/";
    if (request.path == "/api/models/org/m/revision/main?blobs=true") {
      const int status = metadata_status_;
      const std::string json = metadata();
      lock.unlock();
      return answer(peer, status, "", status == 200 ? json : "{}");
    }
    if (request.path.starts_with(resolve))  // files lie on another host
      return answer(peer, 302,
                    "ETag: \"of the redirection\"\r\nLocation: http://localhost:" + std::to_string(server_.port()) +
                        "/cdn/" + request.path.substr(resolve.size()) + "\r\n",
                    "moved");
    const auto file = request.path.starts_with("/cdn/") ? files_.find(request.path.substr(5)) : files_.end();
    if (file == files_.end()) return answer(peer, 404, "", "no such thing");
    const std::string bytes = file->second;
    Fault fault;
    if (!faults_.empty()) {
      fault = faults_.front();
      faults_.erase(faults_.begin());
    }
    lock.unlock();
    send_file(peer, request, bytes, fault);
  }

  void send_file(const Peer& peer, const Request& request, std::string bytes, const Fault& fault) {
    if (fault.status != 0) return answer(peer, fault.status, "", "an error in words");
    const std::string tag = "\"" + sha256_of(bytes).substr(0, 16) + "\"";
    const auto range = request.headers.find("range"), unless = request.headers.find("if-range");
    std::size_t from = 0;
    const bool same = unless == request.headers.end() || unless->second == tag;
    const bool part = range != request.headers.end() && same && !fault.no_ranges;
    if (part) from = std::stoul(range->second.substr(sizeof("bytes=") - 1));
    if (from > bytes.size()) return answer(peer, 416, "", "");
    if (fault.corrupt) bytes[bytes.size() / 2] ^= 1;
    const std::string body = bytes.substr(from);
    std::string head = "HTTP/1.1 " + std::string(part ? "206 Part" : "200 OK") + "\r\nConnection: close\r\n" +
                       (fault.no_ranges ? "" : "ETag: " + tag + "\r\nAccept-Ranges: bytes\r\n") +
                       "Content-Length: " + std::to_string(body.size()) + "\r\n";
    if (part)
      head += "Content-Range: bytes " + std::to_string(from) + "-" + std::to_string(bytes.size() - 1) + "/" +
              std::to_string(bytes.size()) + "\r\n";
    peer.send(head + "\r\n" + body.substr(0, fault.cut_after));
    if (fault.after) fault.after(*this);
    if (fault.stall) peer.sleep(std::chrono::seconds(30));
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::string> files_, promised_;
  std::vector<Fault> faults_;
  std::vector<Request> requests_;
  std::atomic<int> metadata_status_{200};
  FakeServer server_;  // last: its threads use the rest
};

}  // namespace pumice::test
