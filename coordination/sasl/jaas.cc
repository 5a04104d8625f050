// SPDX-License-Identifier: Apache-2.0
#include "coordination/sasl/jaas.h"

#include <fmt/format.h>

#include <algorithm>

namespace ottla::coordination::sasl {
namespace {

constexpr std::string_view kMarks = "{};=";

// A word, a quoted text or one of the marks.
struct Token {
  std::string text;
  bool is_mark = false;
};

class Scanner {
 public:
  Scanner(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  // False at the end.
  bool next(Token* token) {
    skip();
    if (at_ == text_.size()) return false;
    token->text.clear();
    token->is_mark = kMarks.find(text_[at_]) != std::string_view::npos;
    if (token->is_mark) {
      token->text = text_[at_++];
    } else if (text_[at_] == '"') {
      take_quoted(token);
    } else {
      while (at_ < text_.size() && !is_end(text_[at_])) token->text += text_[at_++];
    }
    return true;
  }
  Status expected(const std::string& what) const {
    return {ErrorCode::INVALID_CONFIG, fmt::format("{}:{}: expected {}", file_, line_, what)};
  }

 private:
  static bool is_space(char one) { return one == ' ' || one == '\t' || one == '\r' || one == '\n'; }
  static bool is_end(char one) {
    return is_space(one) || one == '"' || kMarks.find(one) != std::string_view::npos;
  }

  void take_quoted(Token* token) {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      line_ += text_[at_] == '\n';
      token->text += text_[at_];
    }
    if (at_ < text_.size()) ++at_;
  }
  // Spaces and the three kinds of comments.
  void skip() {
    while (at_ < text_.size()) {
      const std::string_view rest = text_.substr(at_);
      size_t length = 0;
      if (is_space(rest[0])) length = 1;
      if (rest[0] == '#' || rest.starts_with("//")) length = std::min(rest.find('\n'), rest.size());
      if (rest.starts_with("/*")) length = std::min(rest.find("*/", 2), rest.size() - 2) + 2;
      if (length == 0) return;
      line_ +=
          static_cast<int>(std::count(rest.begin(), rest.begin() + static_cast<ptrdiff_t>(length), '\n'));
      at_ += length;
    }
  }

  const std::string_view text_;
  const std::string& file_;
  size_t at_ = 0;
  int line_ = 1;
};

// From its class to the semicolon; `class_name` was read.
Result<LoginModule> take_module(Scanner& scanner, std::string class_name) {
  LoginModule module;
  module.name = std::move(class_name);
  Token token;
  if (!scanner.next(&token) || token.is_mark)
    return scanner.expected("a flag like \"required\" behind the class");
  module.flag = token.text;
  while (scanner.next(&token)) {
    if (token.is_mark && token.text == ";") return module;
    if (token.is_mark) return scanner.expected("an option or \";\"");
    const std::string option = token.text;
    if (!scanner.next(&token) || !token.is_mark || token.text != "=")
      return scanner.expected("\"=\" behind the option " + option);
    if (!scanner.next(&token) || token.is_mark) return scanner.expected("a value of the option " + option);
    module.options[option] = token.text;
  }
  return scanner.expected("\";\" at the end of " + module.name);
}

Result<std::vector<LoginModule>> take_section(Scanner& scanner) {
  std::vector<LoginModule> modules;
  Token token;
  while (scanner.next(&token)) {
    if (token.is_mark && token.text == "}") {
      if (!scanner.next(&token) || !token.is_mark || token.text != ";")
        return scanner.expected("\";\" behind \"}\"");
      return modules;
    }
    if (token.is_mark) return scanner.expected("the class of a login module");
    auto module = take_module(scanner, token.text);
    if (!module.ok()) return module.status();
    modules.push_back(std::move(*module));
  }
  return scanner.expected("\"};\"");
}

Result<const std::vector<LoginModule>*> section_of(const LoginConfig& config, const std::string& section,
                                                   const std::string& file) {
  const auto entry = config.find(section);
  if (entry == config.end())
    return Status(ErrorCode::INVALID_CONFIG, fmt::format("{} has no section {}", file, section));
  for (const LoginModule& module : entry->second) {
    if (module.name.find("Krb5LoginModule") != std::string::npos) {
      return Status(ErrorCode::INVALID_CONFIG,
                    fmt::format("{}: section {} is for Kerberos, which is not there: use "
                                "org.apache.zookeeper.server.auth.DigestLoginModule",
                                file, section));
    }
  }
  return &entry->second;
}

}  // namespace

Result<LoginConfig> parse_login_config(std::string_view text, const std::string& file) {
  Scanner scanner(text, file);
  LoginConfig config;
  Token token;
  while (scanner.next(&token)) {
    if (token.is_mark) return scanner.expected("the name of a section");
    const std::string name = token.text;
    if (!scanner.next(&token) || !token.is_mark || token.text != "{")
      return scanner.expected("\"{\" behind the name " + name);
    auto modules = take_section(scanner);
    if (!modules.ok()) return modules.status();
    config[name] = std::move(*modules);
  }
  return config;
}

Result<std::map<std::string, std::string>> users_of(const LoginConfig& config, const std::string& section,
                                                    const std::string& file) {
  const auto modules = section_of(config, section, file);
  if (!modules.ok()) return modules.status();
  std::map<std::string, std::string> users;
  for (const LoginModule& module : **modules) {
    for (const auto& [option, value] : module.options) {
      if (option.starts_with("user_")) users[option.substr(5)] = value;
    }
  }
  return users;
}

Result<Login> login_of(const LoginConfig& config, const std::string& section, const std::string& file) {
  const auto modules = section_of(config, section, file);
  if (!modules.ok()) return modules.status();
  for (const LoginModule& module : **modules) {
    const auto user = module.options.find("username"), password = module.options.find("password");
    if (user != module.options.end() && password != module.options.end())
      return Login{user->second, password->second};
  }
  return Status(ErrorCode::INVALID_CONFIG,
                fmt::format("{}: section {} has no username and password", file, section));
}

}  // namespace ottla::coordination::sasl
