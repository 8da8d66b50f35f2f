// Answer: how a protocol writes what a job has brought. One for each request; one thread.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "serve/generation.h"

namespace pumice_serve {

class Answer {
 public:
  virtual ~Answer() = default;

  // As parts, as they come; else all at once, by end().
  virtual bool streams() const { return false; }
  virtual std::string type() const { return "application/json"; }
  // Text to send, which may be empty.
  virtual std::string started(std::size_t /*reply*/, std::size_t /*prompt_tokens*/) { return {}; }
  virtual std::string delta(std::size_t /*reply*/, const Json& /*delta*/) { return {}; }
  virtual std::string finished(std::size_t reply, const Finish& finish) = 0;
  // All replies have finished.
  virtual std::string end() = 0;
  // Nothing has been sent yet; and later.
  virtual HttpResponse refused(const ApiError& error) const = 0;
  virtual std::string failed(const ApiError& error) const = 0;
};

struct Asked {
  Generation generation;
  std::unique_ptr<Answer> answer;
};
// What is answered at once.
struct AskedOnce {
  Task task;
  std::function<HttpResponse(const Event&)> answer;
  std::function<HttpResponse(const ApiError&)> refused;
};
// What a handler makes of a request.
using Outcome = std::variant<HttpResponse, Asked, AskedOnce>;

}  // namespace pumice_serve
