// Files from a server: HTTP with libcurl, where the build has it.
//
// A download goes into a part file beside its target, which stays when it is stopped and is gone on with later: by a
// range that the server grants only for the same content (If-Range with its ETag), checked by size and SHA-256 before
// the file gets its name. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace pumice_apps {

enum class DownloadEnd {
  kDone,
  kStopped,    // keep_on said so; the part is kept
  kNoNetwork,  // the server was not reached, or answered with an error; the part is kept
  kNotFound,   // 404, or 401 and 403: no such thing, or not for everybody
  kChanged,    // what the server has is something else than before; the part is gone
  kCorrupt,    // its SHA-256 or its size is another; the part is gone
  kDisk,       // it could not be written; the part is kept
};

struct DownloadResult {
  DownloadEnd end = DownloadEnd::kDone;
  std::string reason;  // what went wrong, in words
};

struct DownloadProgress {
  std::uint64_t done = 0, total = 0;  // bytes; total 0: not known
};

struct DownloadOrder {
  std::string url, target;
  std::string part;                                      // the part file's path
  std::uint64_t bytes = 0;                               // 0: not known
  std::string sha256;                                    // lower case; empty: not checked
  unsigned retries = 5;                                  // after failures of the network, each with a longer wait
  std::function<bool(const DownloadProgress&)> keep_on;  // asked often; false stops
};

class Downloader {
 public:
  // token: sent to the server of a URL alone, not to where it redirects; empty: none.
  explicit Downloader(std::string token);
  ~Downloader();
  Downloader(const Downloader&) = delete;
  Downloader& operator=(const Downloader&) = delete;

  static bool available();  // whether the build has it
  // A small text.
  DownloadResult get(const std::string& url, std::string* text, const std::function<bool()>& keep_on);
  DownloadResult fetch(const DownloadOrder& order);

 private:
  struct Transfer;
  DownloadResult attempt(const DownloadOrder& order, Transfer* transfer);

  std::string token_;
  void* curl_ = nullptr;
};

// Bytes that may still be written in a folder, or in the next one above it that is there; UINT64_MAX: not known.
std::uint64_t free_bytes(const std::string& folder);

}  // namespace pumice_apps
