// SPDX-License-Identifier: Apache-2.0
// What a call that can fail returns. Three kinds of failure are kept apart (ARCHITECTURE.md, "Errors"): bad
// input and the environment are values of these types; our own bugs are OTTLA_CHECK failures and end the
// program with a trace.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "protocol/base/error_code.h"

namespace ottla {

// Success, or a wire error code with a sentence for the reader. The message names what failed (path, errno,
// key, ...) and is safe to log; it is not necessarily meant for the wire.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  // The environment failed: `what` names the call and the path ("open /data/x/00000.log"). Carries
  // KAFKA_STORAGE_ERROR.
  static Status from_errno(int error_number, const std::string& what);

  bool ok() const { return code_ == ErrorCode::NONE; }
  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  // errno of a failed system call, 0 where the failure is not one.
  int error_number() const { return error_number_; }

 private:
  ErrorCode code_ = ErrorCode::NONE;
  int error_number_ = 0;
  std::string message_;
};

// A value, or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Status status) : status_(std::move(status)) {}
  Result(ErrorCode code, std::string message) : status_(code, std::move(message)) {}

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  // REQUIRES: ok().
  T& value() & { return *value_; }
  const T& value() const& { return *value_; }
  T&& value() && { return std::move(*value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return std::move(*value_); }

 private:
  std::optional<T> value_;
  Status status_;
};

[[noreturn]] void check_failed(const char* expression, const char* file, int line);

}  // namespace ottla

// An invariant of our own, never reachable from bytes of a client; checked in release builds too.
#define OTTLA_CHECK(expression) \
  ((expression) ? static_cast<void>(0) : ::ottla::check_failed(#expression, __FILE__, __LINE__))
