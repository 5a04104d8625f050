// SPDX-License-Identifier: Apache-2.0
#include "broker/config/properties.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "broker/config/value.h"

namespace ottla::config {

namespace {

constexpr off_t kLargestFile = 16 << 20;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\f'; }

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

std::optional<uint32_t> parse_hex4(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  uint32_t code = 0;
  for (const char c : text.substr(0, 4)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    code = code * 16 + static_cast<uint32_t>(digit);
  }
  return code;
}

// Undoes the escapes of a key or a value; nothing for a malformed \uXXXX.
std::optional<std::string> unescaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char escape = text[++i];
    if (escape != 'u') {
      out += escape == 't'   ? '\t'
             : escape == 'n' ? '\n'
             : escape == 'r' ? '\r'
             : escape == 'f' ? '\f'
                             : escape;
      continue;
    }
    std::optional<uint32_t> code = parse_hex4(text.substr(i + 1));
    if (!code) return std::nullopt;
    i += 4;
    // The two halves of a surrogate pair are one character in UTF-8.
    if (*code >= 0xD800 && *code < 0xDC00 && text.substr(i + 1).starts_with("\\u")) {
      const std::optional<uint32_t> low = parse_hex4(text.substr(i + 3));
      if (low && *low >= 0xDC00 && *low < 0xE000) {
        code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
        i += 6;
      }
    }
    append_utf8(out, *code);
  }
  return out;
}

// Hands out logical lines: comments and blank lines left out, continued lines joined.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : rest_(text) {}

  bool next(std::string& line) {
    line.clear();
    bool continued = false;
    std::string_view natural;
    while (next_natural(natural)) {
      while (!natural.empty() && is_blank(natural.front())) natural.remove_prefix(1);
      if (!continued) {
        if (natural.empty() || natural.front() == '#' || natural.front() == '!') continue;
        first_ = number_;
      }
      size_t backslashes = 0;
      while (backslashes < natural.size() && natural[natural.size() - 1 - backslashes] == '\\') ++backslashes;
      continued = backslashes % 2 == 1;
      line += natural.substr(0, natural.size() - (continued ? 1 : 0));
      if (!continued) return true;
    }
    return continued;
  }
  // Where the last logical line starts.
  int first() const { return first_; }

 private:
  bool next_natural(std::string_view& line) {
    if (rest_.empty()) return false;
    const size_t end = rest_.find_first_of("\r\n");
    line = rest_.substr(0, end);
    ++number_;
    if (end == std::string_view::npos) {
      rest_ = {};
      return true;
    }
    const bool crlf = rest_[end] == '\r' && end + 1 < rest_.size() && rest_[end + 1] == '\n';
    rest_.remove_prefix(end + (crlf ? 2 : 1));
    return true;
  }

  std::string_view rest_;
  int number_ = 0;
  int first_ = 0;
};

// Where the key ends and the value begins in a logical line.
std::pair<size_t, size_t> split_at(std::string_view line) {
  size_t key_end = 0;
  while (key_end < line.size() && line[key_end] != '=' && line[key_end] != ':' && !is_blank(line[key_end])) {
    key_end += line[key_end] == '\\' ? 2 : 1;
  }
  key_end = std::min(key_end, line.size());
  size_t value = key_end;
  while (value < line.size() && is_blank(line[value])) ++value;
  if (value < line.size() && (line[value] == '=' || line[value] == ':')) {
    ++value;
    while (value < line.size() && is_blank(line[value])) ++value;
  }
  return {key_end, value};
}

}  // namespace

Result<PropertyFile> parse_properties(std::string name, std::string_view text) {
  PropertyFile file{std::move(name), {}};
  LineReader reader(text);
  std::string line;
  while (reader.next(line)) {
    if (line.find('\0') != std::string::npos) {
      return {ErrorCode::INVALID_CONFIG,
              fmt::format("{}:{}: a NUL byte; this is not a text file", file.name, reader.first())};
    }
    const auto [key_end, value_start] = split_at(line);
    std::optional<std::string> key = unescaped(std::string_view(line).substr(0, key_end));
    std::optional<std::string> value = unescaped(std::string_view(line).substr(value_start));
    if (!key || !value) {
      return {ErrorCode::INVALID_CONFIG, fmt::format("{}:{}: \\u must be followed by four hexadecimal digits",
                                                     file.name, reader.first())};
    }
    file.properties.push_back({*std::move(key), std::string(trimmed(*value)), reader.first()});
  }
  return file;
}

Result<PropertyFile> read_properties(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Status::from_errno(errno, path);
  std::string text;
  char buffer[16384];
  ssize_t got = 0;
  while ((got = ::read(fd, buffer, sizeof buffer)) > 0 && text.size() <= kLargestFile) {
    text.append(buffer, static_cast<size_t>(got));
  }
  const int error = got < 0 ? errno : 0;
  ::close(fd);
  if (error != 0) return Status::from_errno(error, path);
  if (text.size() > kLargestFile) return {ErrorCode::INVALID_CONFIG, path + ": larger than 16 MiB"};
  return parse_properties(path, text);
}

}  // namespace ottla::config
