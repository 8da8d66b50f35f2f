// What can still be read of a damaged file of chats.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "chat/core/chat_store.h"
#include "chat/core/database.h"

namespace pumice_chat {

inline constexpr const char* kRestoredEnding = ".restored";  // of the new file, until it is whole

// Into tables that are empty: row by row, and around what is damaged. Nothing readable: nothing is copied.
void copy_readable(const std::string& path, Database& to, OpenReport* report);

// Sets the file aside, with what belongs to it, and makes a new one of what can be read. Throws where nothing can be
// written; the file is then where it was.
std::unique_ptr<Database> restore(const std::string& path,
                                  const std::function<std::unique_ptr<Database>(const std::string&)>& open_file,
                                  OpenReport* report);

}  // namespace pumice_chat
