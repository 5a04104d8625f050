// SPDX-License-Identifier: Apache-2.0
// The program's log: one line per event on standard error, "[2026-01-02 03:04:05,678] WARN [topic-0] ...
// (storage)", the layout of Kafka's own log4j settings. spdlog does the work behind log.cc, so that no other
// file pays for its headers.
//
// Any thread. Control characters in a message (CR, LF, ESC from a client id, a topic name ...) are escaped
// here, once, so callers pass client text as it is.
#pragma once

#include <fmt/core.h>

#include <string_view>

namespace ottla {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

void set_log_level(LogLevel level);
bool log_enabled(LogLevel level);
// `component` is the folder or class that speaks ("coordination", "broker.net").
void write_log(LogLevel level, std::string_view component, std::string_view message);

template <typename... Args>
void log_debug(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::kDebug))
    write_log(LogLevel::kDebug, component, fmt::vformat(format, fmt::make_format_args(args...)));
}
template <typename... Args>
void log_info(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::kInfo))
    write_log(LogLevel::kInfo, component, fmt::vformat(format, fmt::make_format_args(args...)));
}
template <typename... Args>
void log_warn(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::kWarn))
    write_log(LogLevel::kWarn, component, fmt::vformat(format, fmt::make_format_args(args...)));
}
template <typename... Args>
void log_error(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::kError))
    write_log(LogLevel::kError, component, fmt::vformat(format, fmt::make_format_args(args...)));
}

}  // namespace ottla
