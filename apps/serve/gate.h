// Who may ask: keys, origins, names of this host. Pure.
#pragma once

#include <string>

#include "serve/http_server.h"

namespace pumice_serve {

// Fills in the group. Throws ApiError: 401 and 403.
void check_access(const HttpOptions& options, HttpRequest& request);
// The value of Access-Control-Allow-Origin; empty: none.
std::string allowed_origin(const HttpOptions& options, const HttpRequest& request);

}  // namespace pumice_serve
