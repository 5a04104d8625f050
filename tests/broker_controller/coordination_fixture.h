// SPDX-License-Identifier: Apache-2.0
// Coordination in memory, and two sessions on it: the broker's, and one of a tool.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "broker/controller/bootstrap.h"
#include "coordination/client.h"
#include "coordination/in_process_client.h"
#include "coordination/server/server.h"
#include "protocol/base/manual_loop.h"
#include "storage/io/faulty_file_system.h"

namespace ottla {

class CoordinationTest : public testing::Test {
 protected:
  using Client = coordination::Client;

  void SetUp() override {
    coordination::ServerConfig config;
    config.data_dir = "/zk";
    auto server = coordination::Server::open(loop_, files_, config);
    ASSERT_TRUE(server.ok()) << server.status().message();
    server_ = std::move(*server);
    client_ = connect();
    tool_ = connect();
    ASSERT_TRUE(run(ensure_startup_paths(*client_)).ok());
  }
  // Whoever uses a session goes before it: call this last.
  void TearDown() override {
    tool_.reset();
    client_.reset();
    loop_.run_pending();
    server_.reset();
  }
  // What a session's watches see comes here.
  virtual void on_watch_event(const coordination::WatchEvent&) {}

  std::unique_ptr<Client> connect() {
    auto client = coordination::make_in_process_client(loop_, *server_, "", 18000);
    client->set_watch_handler([this](const coordination::WatchEvent& event) { on_watch_event(event); });
    client->set_session_handler([](coordination::SessionEvent) {});
    EXPECT_TRUE(client->start().ok());
    loop_.run_pending();
    return client;
  }
  // Runs the loop until the task has its result.
  template <typename T>
  T run(Task<T> task) {
    std::optional<T> result;
    start_detached([](Task<T> inner, std::optional<T>& out) -> Task<void> { out = co_await inner; }(
                                                                std::move(task), result));
    loop_.run_pending();
    EXPECT_TRUE(result.has_value());
    return std::move(*result);
  }
  std::string data_of(const std::string& path) {
    std::string data = "(no answer)";
    tool_->get_data(path, false, [&](const coordination::DataReply& reply) {
      data = reply.ok() ? reply.data : coordination::error_text(reply.error);
    });
    loop_.run_pending();
    return data;
  }

  ManualLoop loop_;
  storage::FaultyFileSystem files_;
  std::unique_ptr<coordination::Server> server_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Client> tool_;
};

}  // namespace ottla
