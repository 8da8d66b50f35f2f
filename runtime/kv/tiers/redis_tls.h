// TLS for RedisStream, by OpenSSL where the build has it. Private to RedisStream.
#pragma once

#include "kv/tiers/redis_stream.h"

namespace pumice {

bool redis_has_tls();
// Shakes hands; verifies the certificate and that it is the host's.
Result<std::unique_ptr<RedisStream>> start_tls(Socket socket, const RedisStreamOptions& options,
                                               RedisStream::Deadline deadline);

}  // namespace pumice
