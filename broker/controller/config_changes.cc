// SPDX-License-Identifier: Apache-2.0
#include "broker/controller/config_changes.h"

#include <algorithm>

#include "broker/controller/znodes.h"
#include "protocol/base/log.h"

namespace ottla {

using coordination::ChildrenReply;
using coordination::DataReply;
using coordination::VoidReply;

namespace {

constexpr const char* kComponent = "broker.config";
constexpr int64_t kKeptMs = 15 * 60 * 1000;

}  // namespace

Task<Status> ConfigChanges::start() {
  const ChildrenReply children = co_await client_.async_get_children(znodes::kConfigChanges, true);
  if (!children.ok()) {
    co_return Status(ErrorCode::UNKNOWN_SERVER_ERROR,
                     "cannot list /config/changes: " + coordination::error_text(children.error));
  }
  for (const std::string& name : children.children) last_seen_ = std::max(last_seen_, name);
  co_return Status();
}

void ConfigChanges::on_watch_event(const coordination::WatchEvent& event) {
  if (event.path == znodes::kConfigChanges) queue_.add([this] { return read_changes(); });
}

Task<void> ConfigChanges::read_changes() {
  ChildrenReply children = co_await client_.async_get_children(znodes::kConfigChanges, true);
  if (!children.ok()) {
    log_warn(kComponent, "cannot list /config/changes: {}", coordination::error_text(children.error));
    co_return;
  }
  // Sequence numbers have a fixed width, so the order of names is the order of changes.
  std::sort(children.children.begin(), children.children.end());
  for (const std::string& name : children.children) co_await handle(name);
}

Task<void> ConfigChanges::handle(std::string change) {
  std::string path = znodes::kConfigChanges;
  path.append("/").append(change);
  const DataReply announced = co_await client_.async_get_data(path);
  if (!announced.ok()) co_return;
  if (loop_.wall_ms() - announced.stat.ctime > kKeptMs) {
    client_.remove(path, -1, [](const VoidReply&) {});
  }
  if (change <= last_seen_) co_return;
  last_seen_ = change;
  const auto entity = znodes::decode_config_change(announced.data);
  if (!entity.ok()) {
    log_warn(kComponent, "{}: {}", path, entity.status().message());
    co_return;
  }
  const size_t slash = entity->find('/');
  const std::string type = entity->substr(0, slash);
  if (slash == std::string::npos || (type != "topics" && type != "brokers")) co_return;
  const DataReply settings = co_await client_.async_get_data("/config/" + *entity);
  Overrides overrides;
  if (settings.ok()) {
    auto decoded = znodes::decode_config(settings.data);
    if (!decoded.ok()) {
      log_warn(kComponent, "/config/{}: {}", *entity, decoded.status().message());
      co_return;
    }
    overrides = std::move(*decoded);
  }
  log_info(kComponent, "settings of {} changed", *entity);
  changed_(type, entity->substr(slash + 1), std::move(overrides));
}

Task<Result<std::map<std::string, ConfigChanges::Overrides>>> ConfigChanges::load_all(
    coordination::Client& client, std::string type) {
  const std::string parent = "/config/" + type;
  const ChildrenReply children = co_await client.async_get_children(parent);
  if (!children.ok()) {
    co_return Status(ErrorCode::UNKNOWN_SERVER_ERROR,
                     "cannot list " + parent + ": " + coordination::error_text(children.error));
  }
  const auto nodes = co_await gather<DataReply>(children.children.size(), [&](size_t i, auto done) {
    client.get_data(parent + "/" + children.children[i], false, done);
  });
  std::map<std::string, Overrides> all;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!nodes[i].ok()) continue;
    auto decoded = znodes::decode_config(nodes[i].data);
    if (decoded.ok()) {
      all[children.children[i]] = std::move(*decoded);
    } else {
      log_warn(kComponent, "{}/{}: {}", parent, children.children[i], decoded.status().message());
    }
  }
  co_return all;
}

}  // namespace ottla
