#include "common/download.h"

#include <filesystem>
#include <limits>

#ifdef PUMICE_HAS_CURL

#include <curl/curl.h>
#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string_view>

#include "common/model_files.h"
#include "common/system.h"

namespace pumice_apps {

namespace {

constexpr std::uint64_t kMostTextBytes = std::uint64_t{64} << 20;
constexpr long kConnectSeconds = 30, kSilentSeconds = 60;
constexpr int kBusyMs = 100;  // before going on after a connection that brought something

std::string hex_of(const unsigned char* bytes, std::size_t count) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

// False: keep_on said so.
template <typename KeepOn>
bool wait_ms(int milliseconds, KeepOn&& keep_on) {
  for (; milliseconds > 0; milliseconds -= kBusyMs) {
    if (!keep_on()) return false;
    poll(nullptr, 0, std::min(milliseconds, kBusyMs));
  }
  return keep_on();
}

}  // namespace

struct Downloader::Transfer {
  ~Transfer() {
    if (file >= 0) ::close(file);
  }
  // Opens the part and hashes what it has. 0, or the reason.
  int open(const std::string& part);
  int start_anew();
  bool take(const char* bytes, std::size_t count);

  CURL* curl = nullptr;
  const DownloadOrder* order = nullptr;
  std::string* text = nullptr;  // instead of a file
  std::function<bool()> keep_on;
  int file = -1, disk = 0;  // disk: what writing failed with
  std::uint64_t at = 0;     // bytes in the part
  crypto_hash_sha256_state hash = {};
  std::string etag, asked_etag;  // of the last response; that the range was asked for with
  bool ranged = false, replaced = false, stopped = false;
};

int Downloader::Transfer::open(const std::string& part) {
  file = ::open(part.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return errno;
  if (flock(file, LOCK_EX | LOCK_NB) != 0) return errno;
  crypto_hash_sha256_init(&hash);
  static unsigned char buffer[1 << 16];
  for (ssize_t got; (got = ::pread(file, buffer, sizeof buffer, static_cast<off_t>(at))) != 0;) {
    if (got < 0) return errno;
    crypto_hash_sha256_update(&hash, buffer, static_cast<unsigned long long>(got));
    at += static_cast<std::uint64_t>(got);
  }
  return 0;
}

int Downloader::Transfer::start_anew() {
  at = 0;
  crypto_hash_sha256_init(&hash);
  return ftruncate(file, 0) == 0 ? 0 : errno;
}

bool Downloader::Transfer::take(const char* bytes, std::size_t count) {
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status >= 300) return true;  // its text is for nobody
  if (text) {
    if (text->size() + count > kMostTextBytes) return false;
    text->append(bytes, count);
    return true;
  }
  if (ranged && status != 206) {
    // The whole instead of the rest: another content, or a server that knows no ranges.
    replaced = !asked_etag.empty();
    ranged = false;
    if ((disk = start_anew()) != 0) return false;
  }
  crypto_hash_sha256_update(&hash, reinterpret_cast<const unsigned char*>(bytes), count);
  while (count > 0) {
    const ssize_t written = ::pwrite(file, bytes, count, static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      disk = written < 0 ? errno : ENOSPC;
      return false;
    }
    at += static_cast<std::uint64_t>(written);
    bytes += written;
    count -= static_cast<std::size_t>(written);
  }
  return true;
}

namespace {

template <typename Transfer>
std::size_t on_bytes(char* bytes, std::size_t size, std::size_t count, void* transfer) {
  return static_cast<Transfer*>(transfer)->take(bytes, size * count) ? size * count : 0;
}

template <typename Transfer>
std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view line(bytes, size * count);
  constexpr std::string_view kTag = "etag:";
  if (line.starts_with("HTTP/")) transfer.etag.clear();  // of the next answer, behind a redirection
  if (lower_case(line.substr(0, kTag.size())) == kTag) {
    std::string_view tag = line.substr(kTag.size());
    while (!tag.empty() && (tag.front() == ' ' || tag.front() == '\t')) tag.remove_prefix(1);
    while (!tag.empty() && static_cast<unsigned char>(tag.back()) <= ' ') tag.remove_suffix(1);
    if (tag.starts_with('"')) transfer.etag = tag;  // a weak one says nothing of bytes
  }
  return size * count;
}

template <typename Transfer>
int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.stopped = !transfer.keep_on();
  return transfer.stopped ? 1 : 0;
}

}  // namespace

Downloader::Downloader(std::string token) : token_(std::move(token)) {
  static const bool once = curl_global_init(CURL_GLOBAL_DEFAULT) == 0 && sodium_init() >= 0;
  if (once) curl_ = curl_easy_init();
}

Downloader::~Downloader() {
  if (curl_) curl_easy_cleanup(static_cast<CURL*>(curl_));
}

bool Downloader::available() { return true; }

namespace {

void set_up(CURL* curl, const std::string& url, const std::string& token) {
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
  const bool secure = url.starts_with("https:");
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
#else
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, secure ? CURLPROTO_HTTPS : CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kSilentSeconds);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "pumice");
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  if (token.empty()) return;
  curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
  curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, token.c_str());
}

template <typename Transfer>
void connect(CURL* curl, Transfer* transfer) {
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_bytes<Transfer>);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &on_header<Transfer>);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &on_progress<Transfer>);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
}

DownloadResult of_status(long status) {
  const std::string code = "the server answers " + std::to_string(status);
  if (status == 401 || status == 403)
    return {DownloadEnd::kNotFound, code + ": it is not there, or not for everybody; HF_TOKEN says who you are"};
  if (status == 404) return {DownloadEnd::kNotFound, code + ": there is no such thing"};
  return {DownloadEnd::kNoNetwork, code};
}

DownloadResult of_disk(int reason) {
  if (reason == EWOULDBLOCK) return {DownloadEnd::kDisk, "another process is downloading it"};
  return {DownloadEnd::kDisk, reason_text(reason)};
}

}  // namespace

DownloadResult Downloader::get(const std::string& url, std::string* text, const std::function<bool()>& keep_on) {
  auto* curl = static_cast<CURL*>(curl_);
  if (!curl) return {DownloadEnd::kNoNetwork, "libcurl does not start"};
  Transfer transfer;
  transfer.curl = curl;
  transfer.text = text;
  transfer.keep_on = keep_on;
  set_up(curl, url, token_);
  connect(curl, &transfer);
  const CURLcode code = curl_easy_perform(curl);
  if (transfer.stopped) return {DownloadEnd::kStopped, "stopped"};
  if (code != CURLE_OK) return {DownloadEnd::kNoNetwork, curl_easy_strerror(code)};
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return status >= 300 ? of_status(status) : DownloadResult();
}

// One connection: from what the part has to the end, or as far as it comes.
DownloadResult Downloader::attempt(const DownloadOrder& order, Transfer* transfer) {
  auto* curl = static_cast<CURL*>(curl_);
  if (order.bytes > 0 && transfer->at > order.bytes && (transfer->disk = transfer->start_anew()) != 0)
    return of_disk(transfer->disk);
  if (order.bytes > 0 && transfer->at == order.bytes) return {};
  set_up(curl, order.url, token_);
  connect(curl, transfer);
  transfer->ranged = transfer->at > 0;
  transfer->asked_etag = transfer->etag;
  const std::string range = std::to_string(transfer->at) + "-";
  curl_slist* headers = nullptr;
  if (transfer->ranged) {
    curl_easy_setopt(curl, CURLOPT_RANGE, range.c_str());
    if (!transfer->asked_etag.empty())
      headers = curl_slist_append(headers, ("If-Range: " + transfer->asked_etag).c_str());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  }
  const CURLcode code = curl_easy_perform(curl);
  curl_slist_free_all(headers);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (transfer->stopped) return {DownloadEnd::kStopped, "stopped"};
  if (transfer->disk != 0) return of_disk(transfer->disk);
  if (status == 416) {  // the part is longer than what there is now
    transfer->replaced = true;
    if ((transfer->disk = transfer->start_anew()) != 0) return of_disk(transfer->disk);
  }
  if (code == CURLE_OK && status >= 300) return of_status(status);
  if (code != CURLE_OK) return {DownloadEnd::kNoNetwork, curl_easy_strerror(code)};
  curl_off_t length = -1;
  curl_easy_getinfo(curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  // Without a length its end may be anywhere.
  if (length < 0 && order.bytes > 0 && transfer->at < order.bytes)
    return {DownloadEnd::kNoNetwork, "the connection ended early"};
  return {};
}

DownloadResult Downloader::fetch(const DownloadOrder& order) {
  if (!curl_) return {DownloadEnd::kNoNetwork, "libcurl does not start"};
  Transfer transfer;
  transfer.curl = static_cast<CURL*>(curl_);
  transfer.order = &order;
  transfer.keep_on = [&] { return order.keep_on({transfer.at, order.bytes}); };
  if (const int reason = transfer.open(order.part); reason != 0) return of_disk(reason);
  DownloadResult result;
  for (unsigned failures = 0;;) {
    const std::uint64_t before = transfer.at;
    result = attempt(order, &transfer);
    if (result.end != DownloadEnd::kNoNetwork) break;
    failures = transfer.at > before ? 0 : failures + 1;
    if (failures > order.retries) return result;
    if (!wait_ms(failures == 0 ? kBusyMs : 1000 << (failures - 1), transfer.keep_on))
      return {DownloadEnd::kStopped, "stopped"};
  }
  if (result.end != DownloadEnd::kDone) return result;
  unsigned char digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256_final(&transfer.hash, digest);
  const bool right = (order.bytes == 0 || transfer.at == order.bytes) &&
                     (order.sha256.empty() || hex_of(digest, sizeof digest) == order.sha256);
  if (!right) {
    (void)unlink(order.part.c_str());
    if (transfer.replaced) return {DownloadEnd::kChanged, "the file has changed on the server meanwhile"};
    return {DownloadEnd::kCorrupt, "what came has another SHA-256 than the server promises"};
  }
  if (fsync(transfer.file) != 0 || std::rename(order.part.c_str(), order.target.c_str()) != 0) return of_disk(errno);
  return {};
}

#else

namespace pumice_apps {

struct Downloader::Transfer {};
Downloader::Downloader(std::string) {}
Downloader::~Downloader() = default;
bool Downloader::available() { return false; }
DownloadResult Downloader::get(const std::string&, std::string*, const std::function<bool()>&) {
  return {DownloadEnd::kNoNetwork, "this build has no libcurl"};
}
DownloadResult Downloader::fetch(const DownloadOrder&) {
  return {DownloadEnd::kNoNetwork, "this build has no libcurl"};
}

#endif

std::uint64_t free_bytes(const std::string& folder) {
  std::error_code failed;
  std::filesystem::path place = std::filesystem::absolute(folder, failed);
  while (!place.empty() && !std::filesystem::exists(place, failed) && place != place.root_path())
    place = place.parent_path();
  const std::filesystem::space_info space = std::filesystem::space(place, failed);
  return failed ? std::numeric_limits<std::uint64_t>::max() : space.available;
}

}  // namespace pumice_apps
