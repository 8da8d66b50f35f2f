// The tables of the chats' file, and how those of earlier versions become today's.
#pragma once

#include "chat/core/database.h"

namespace pumice_chat {

inline constexpr std::int64_t kSchemaVersion = 2;

// Of a new file, or of an older version; each step is whole or not done. Throws kNewer.
void bring_up_to_date(Database& database);
// For tests: as far as this version.
void bring_up_to(Database& database, std::int64_t version);

}  // namespace pumice_chat
