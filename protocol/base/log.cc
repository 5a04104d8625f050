// SPDX-License-Identifier: Apache-2.0
#include "protocol/base/log.h"

#define SPDLOG_HEADER_ONLY
#define SPDLOG_FMT_EXTERNAL
#include <poll.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <memory>
#include <mutex>
#include <string>

namespace ottla {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarn:
      return "WARN";
    case LogLevel::kError:
      return "ERROR";
  }
  return "INFO";
}

// Standard error without ever waiting for it: a line that a pipe or a terminal does not take at once is
// dropped and counted (a reader that stopped must not stop the broker), a disk that is full loses it.
class StandardError : public spdlog::sinks::base_sink<std::mutex> {
 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (dropped_ > 0) {
      const std::string note =
          fmt::format("({} lines of this log were dropped: nobody read them)\n", dropped_);
      if (!write_now(note)) {
        ++dropped_;
        return;
      }
      dropped_ = 0;
    }
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (!write_now({line.data(), line.size()})) ++dropped_;
  }
  void flush_() override {}

  // False where nothing of it could be written at once. A pipe that polls writable takes PIPE_BUF bytes.
  static bool write_now(std::string_view text) {
    bool begun = false;
    while (!text.empty()) {
      pollfd out{STDERR_FILENO, POLLOUT, 0};
      if (::poll(&out, 1, 0) != 1 || (out.revents & POLLOUT) == 0) return begun;
      const ssize_t count = ::write(STDERR_FILENO, text.data(), std::min<size_t>(text.size(), PIPE_BUF));
      if (count <= 0) return begun;
      begun = true;
      text.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }

  uint64_t dropped_ = 0;
};

spdlog::logger& logger() {
  static spdlog::logger instance = [] {
    spdlog::logger made("ottla", std::make_shared<StandardError>());
    made.set_pattern("[%Y-%m-%d %H:%M:%S,%e] %v");
    made.flush_on(spdlog::level::debug);
    return made;
  }();
  return instance;
}

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace

void set_log_level(LogLevel level) { logger().set_level(to_spdlog(level)); }

bool log_enabled(LogLevel level) { return logger().should_log(to_spdlog(level)); }

void write_log(LogLevel level, std::string_view component, std::string_view message) {
  logger().log(to_spdlog(level), "{} {} ({})", level_name(level), escaped(message), component);
}

}  // namespace ottla
