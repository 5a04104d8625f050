// SPDX-License-Identifier: Apache-2.0
#include "coordination/client.h"

#include <fmt/format.h>

#include <charconv>

#include "coordination/server/path.h"

namespace ottla::coordination {

Op Op::create(std::string path, std::optional<std::string> data, AclList acl, CreateMode mode) {
  return Op{Type::kCreate, std::move(path), std::move(data), std::move(acl), mode, -1};
}

Op Op::remove(std::string path, int32_t version) {
  return Op{Type::kDelete, std::move(path), std::nullopt, {}, CreateMode::kPersistent, version};
}

Op Op::set_data(std::string path, std::optional<std::string> data, int32_t version) {
  return Op{Type::kSetData, std::move(path), std::move(data), {}, CreateMode::kPersistent, version};
}

Op Op::check(std::string path, int32_t version) {
  return Op{Type::kCheck, std::move(path), std::nullopt, {}, CreateMode::kPersistent, version};
}

// Each takes its arguments by value into the closure: the awaiter lives in the coroutine, the arguments may
// not.
Callback<CreateReply> Client::async_create(std::string path, std::optional<std::string> data, CreateMode mode,
                                           AclList acl) {
  return Callback<CreateReply>([=, this](auto done) { create(path, data, acl, mode, std::move(done)); });
}

Callback<VoidReply> Client::async_remove(std::string path, int32_t version) {
  return Callback<VoidReply>([=, this](auto done) { remove(path, version, std::move(done)); });
}

Callback<StatReply> Client::async_exists(std::string path, bool watch) {
  return Callback<StatReply>([=, this](auto done) { exists(path, watch, std::move(done)); });
}

Callback<DataReply> Client::async_get_data(std::string path, bool watch) {
  return Callback<DataReply>([=, this](auto done) { get_data(path, watch, std::move(done)); });
}

Callback<StatReply> Client::async_set_data(std::string path, std::optional<std::string> data,
                                           int32_t version) {
  return Callback<StatReply>([=, this](auto done) { set_data(path, data, version, std::move(done)); });
}

Callback<ChildrenReply> Client::async_get_children(std::string path, bool watch) {
  return Callback<ChildrenReply>([=, this](auto done) { get_children(path, watch, std::move(done)); });
}

Callback<AclReply> Client::async_get_acl(std::string path) {
  return Callback<AclReply>([=, this](auto done) { get_acl(path, std::move(done)); });
}

Callback<StatReply> Client::async_set_acl(std::string path, AclList acl, int32_t acl_version) {
  return Callback<StatReply>([=, this](auto done) { set_acl(path, acl, acl_version, std::move(done)); });
}

Callback<VoidReply> Client::async_sync(std::string path) {
  return Callback<VoidReply>([=, this](auto done) { sync(path, std::move(done)); });
}

Callback<MultiReply> Client::async_multi(std::vector<Op> ops) {
  return Callback<MultiReply>([=, this](auto done) { multi(ops, std::move(done)); });
}

Callback<VoidReply> Client::async_durable() {
  return Callback<VoidReply>(
      [this](auto done) { when_durable([done = std::move(done)] { done(VoidReply{}); }); });
}

Callback<VoidReply> Client::async_make_chroot() {
  return Callback<VoidReply>([this](auto done) { make_chroot(done); });
}

Callback<VoidReply> Client::async_close() {
  return Callback<VoidReply>([this](auto done) { close([done = std::move(done)] { done(VoidReply{}); }); });
}

namespace {

Result<ConnectString::Host> parse_host(std::string text, const std::string& whole) {
  const auto bad = [&](const char* what) {
    return Status(ErrorCode::INVALID_CONFIG,
                  fmt::format("'{}': {} (expected host:port,host:port/path)", whole, what));
  };
  ConnectString::Host host;
  size_t colon = text.rfind(':');
  if (!text.empty() && text[0] == '[') {
    const size_t end = text.find(']');
    if (end == std::string::npos) return bad("an IPv6 address without its closing bracket");
    host.host = text.substr(1, end - 1);
    colon = end + 1 < text.size() && text[end + 1] == ':' ? end + 1 : std::string::npos;
  } else {
    host.host = text.substr(0, colon);
  }
  if (host.host.empty()) return bad("a host is missing");
  if (colon != std::string::npos) {
    const char* first = text.data() + colon + 1;
    const auto [end, error] = std::from_chars(first, text.data() + text.size(), host.port);
    if (error != std::errc() || end != text.data() + text.size() || host.port < 1 || host.port > 65535) {
      return bad("a port is no number from 1 to 65535");
    }
  }
  return host;
}

}  // namespace

Result<ConnectString> ConnectString::parse(const std::string& text) {
  ConnectString parsed;
  const size_t slash = text.find('/');
  if (slash != std::string::npos && slash + 1 < text.size()) {
    parsed.chroot = text.substr(slash);
    while (parsed.chroot.size() > 1 && parsed.chroot.back() == '/') parsed.chroot.pop_back();
    if (parsed.chroot == "/") parsed.chroot.clear();
    if (const char* problem = parsed.chroot.empty() ? nullptr : path_problem(parsed.chroot)) {
      return Status(ErrorCode::INVALID_CONFIG,
                    fmt::format("'{}': the path behind the hosts: {}", text, problem));
    }
  }
  const std::string hosts = text.substr(0, slash);
  for (size_t start = 0; start <= hosts.size();) {
    const size_t end = std::min(hosts.find(',', start), hosts.size());
    std::string one = hosts.substr(start, end - start);
    one.erase(0, one.find_first_not_of(' '));
    one.erase(one.find_last_not_of(' ') + 1);
    auto host = parse_host(std::move(one), text);
    if (!host.ok()) return host.status();
    parsed.hosts.push_back(std::move(*host));
    start = end + 1;
  }
  return parsed;
}

std::string ConnectString::host_list() const {
  std::string list;
  for (const Host& host : hosts) {
    const bool brackets = host.host.find(':') != std::string::npos;
    list += fmt::format("{}{}:{}", list.empty() ? "" : ",", brackets ? "[" + host.host + "]" : host.host,
                        host.port);
  }
  return list;
}

namespace {

void create_path_from(const std::string& path, size_t position, const CreateNode& create,
                      const Client::Done<VoidReply>& done) {
  if (position == std::string::npos || path.empty()) return done(VoidReply{});
  const size_t next = path.find('/', position + 1);
  create(path.substr(0, next), [path, next, create, done](const CreateReply& reply) {
    if (!reply.ok() && reply.error != ZkError::kNodeExists) return done(VoidReply{reply.error});
    create_path_from(path, next, create, done);
  });
}

}  // namespace

void create_path(const std::string& path, const CreateNode& create, const Client::Done<VoidReply>& done) {
  create_path_from(path, 0, create, done);
}

}  // namespace ottla::coordination
