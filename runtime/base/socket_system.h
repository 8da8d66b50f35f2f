// What socket.cpp asks the system for: TCP alone, nothing waits but wait().
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

struct addrinfo;  // the system's

namespace pumice::socket_system {

constexpr intptr_t kNone = -1;

// A list of addresses. 0, or a number for lookup_text(); numeric: nobody is asked.
int find(const char* host, const char* port, bool numeric, addrinfo** list);
void forget(addrinfo* list);
const addrinfo* next(const addrinfo* address);
std::string lookup_text(int failed);

// problem: 0: it is connected; again(problem): it will be once it can be written. kNone: there is no socket.
intptr_t start_connecting(const addrinfo& address, int* problem);
int outcome(intptr_t socket);  // of connecting: 0, or a problem
void close(intptr_t socket);

// Below 0: problem() says why. None of them raises a signal.
ptrdiff_t send(intptr_t socket, std::span<const std::byte> data);
ptrdiff_t receive(intptr_t socket, std::span<std::byte> to);
enum class For { kReading, kWriting };
int wait(intptr_t socket, For what, std::chrono::milliseconds most);  // 0: not yet

int problem();  // of this thread's last call
bool again(int problem);
std::string text(int problem);

}  // namespace pumice::socket_system
