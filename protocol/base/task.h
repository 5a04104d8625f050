// SPDX-License-Identifier: Apache-2.0
// A C++20 coroutine that runs on one loop: the style for flows of several steps (controller, topic creation,
// start and stop). A Task starts when it is awaited; start_detached() begins one that nobody awaits. No
// exception leaves a Task.
//
// Threads: all steps of a Task run on the loop whose callbacks resume it.
#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "protocol/base/status.h"

namespace ottla {

template <typename T>
class [[nodiscard]] Task;

namespace detail {

struct ResumeWaiter {
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> finished) const noexcept {
    return finished.promise().waiter ? finished.promise().waiter : std::noop_coroutine();
  }
  void await_resume() const noexcept {}
};

struct PromiseBase {
  std::coroutine_handle<> waiter;
  std::suspend_always initial_suspend() noexcept { return {}; }
  ResumeWaiter final_suspend() noexcept { return {}; }
  [[noreturn]] void unhandled_exception() { std::terminate(); }
};

template <typename T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  template <typename U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() {}
};

}  // namespace detail

template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task(const Task&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  Handle await_suspend(std::coroutine_handle<> waiter) noexcept {
    handle_.promise().waiter = waiter;
    return handle_;
  }
  T await_resume() {
    if constexpr (!std::is_void_v<T>) return std::move(*handle_.promise().value);
  }

 private:
  Handle handle_;
};

namespace detail {
template <typename T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    [[noreturn]] void unhandled_exception() { std::terminate(); }
  };
};
}  // namespace detail

// Runs `task` up to its first suspension now; it goes on by itself and frees itself when it ends.
inline void start_detached(Task<void> task) {
  [](Task<void> owned) -> detail::Detached { co_await owned; }(std::move(task));
}

// Turns a call that answers through a callback into something to await:
//   Result r = co_await Callback<Result>([&](auto done) { client.get_data(path, done); });
// `start` must call `done` exactly once, now or later.
template <typename T>
class Callback {
 public:
  using Done = std::function<void(T)>;
  explicit Callback(std::function<void(Done)> start) : start_(std::move(start)) {}

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiter) {
    start_([this, waiter](T result) {
      value_.emplace(std::move(result));
      if (suspended_) waiter.resume();
    });
    suspended_ = true;
    return !value_.has_value();
  }
  T await_resume() { return std::move(*value_); }

 private:
  std::function<void(Done)> start_;
  std::optional<T> value_;
  bool suspended_ = false;
};

// Starts `count` calls at once and awaits them all: element i is what call i answered. Each call answers
// exactly once.
//   auto replies = co_await gather<DataReply>(paths.size(), [&](size_t i, auto done) {
//   client.get_data(paths[i], true, done); });
template <typename T>
Callback<std::vector<T>> gather(size_t count, std::function<void(size_t, std::function<void(T)>)> start) {
  struct State {
    std::vector<T> results;
    size_t left = 0;
    std::function<void(std::vector<T>)> done;
  };
  return Callback<std::vector<T>>([count, start = std::move(start)](auto done) {
    if (count == 0) return done({});
    auto state = std::make_shared<State>();
    state->results.resize(count);
    state->left = count;
    state->done = std::move(done);
    for (size_t i = 0; i < count; ++i) {
      start(i, [state, i](T result) {
        state->results[i] = std::move(result);
        if (--state->left == 0) state->done(std::move(state->results));
      });
    }
  });
}

}  // namespace ottla
