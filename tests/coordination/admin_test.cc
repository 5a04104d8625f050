// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/admin.h"

#include <nlohmann/json.hpp>

#include "tests/coordination/support.h"

namespace ottla::coordination {
namespace {

using ::testing::HasSubstr;

class AdminTest : public ServerTest {
 protected:
  AdminTest() {
    start();
    connect();
  }
  nlohmann::json ask(const std::string& command) {
    const HttpAnswer answer = server->answer_admin("/commands/" + command);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.content_type, "application/json");
    return nlohmann::json::parse(answer.body);
  }
};

TEST_F(AdminTest, EveryCommandThatIsListedAnswers) {
  WireClient wire(*server, "127.0.0.1:4711");
  wire.hello();
  wire.create("/e", "", 1);
  wire.request(jute::kGetData, jute::PathWatchRequest{"/e", true});
  loop.run_pending();
  const std::string page = server->answer_admin("/commands").body;
  size_t found = 0;
  for (size_t at = 0; (at = page.find("\">", at)) != std::string::npos; ++found) {
    at += 2;
    const std::string name = page.substr(at, page.find('<', at) - at);
    EXPECT_EQ(ask(name)["command"], name);
  }
  EXPECT_EQ(found, 25u);
}

TEST_F(AdminTest, TheAnswersTellWhatTheServerHolds) {
  WireClient wire(*server, "127.0.0.1:4711");
  wire.hello();
  wire.create("/e", "", 1);
  wire.request(jute::kGetData, jute::PathWatchRequest{"/e", true});
  loop.run_pending();
  const std::string session = std::to_string(wire.take_hello().session_id);
  EXPECT_EQ(ask("stat")["command"], "stats") << "the short names work too";
  EXPECT_EQ(ask("stats")["node_count"], 6);
  EXPECT_EQ(ask("stats")["connections"].back()["last_operation"], "GETD");
  EXPECT_EQ(ask("dump")["session_id_to_ephemeral_paths"][session], nlohmann::json({"/e"}));
  EXPECT_EQ(ask("watches")["session_id_to_watched_paths"][session], nlohmann::json({"/e"}));
  EXPECT_EQ(ask("watch_summary")["num_total_watches"], 1);
  EXPECT_EQ(ask("monitor")["ephemerals_count"], 1);
  EXPECT_EQ(ask("configuration")["tick_time"], 2000);
  EXPECT_EQ(ask("set_trace_mask?traceMask=5")["tracemask"], 5);
  EXPECT_EQ(ask("get_trace_mask")["tracemask"], 5);
  EXPECT_THAT(ask("set_trace_mask")["error"], HasSubstr("requires long"));
  EXPECT_TRUE(ask("ruok")["error"].is_null());
}

TEST_F(AdminTest, WhatIsNoCommandSaysSo) {
  EXPECT_EQ(ask("nonsense")["error"], "Unknown command: nonsense");
  EXPECT_EQ(ask("\xff\"")["command"].get<std::string>().back(), '"') << "whatever bytes it is made of";
  EXPECT_EQ(server->answer_admin("/").status, 404);
  EXPECT_EQ(server->answer_admin("/commandsx").status, 404);
  EXPECT_EQ(server->answer_metrics("/commands").status, 404);
}

TEST_F(AdminTest, PrometheusFindsZooKeepersNames) {
  create("/a");
  const HttpAnswer answer = server->answer_metrics("/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr("# TYPE znode_count gauge\nznode_count 6.0\n"));
  EXPECT_THAT(answer.body, HasSubstr("# TYPE response_bytes counter\n"));
  EXPECT_THAT(answer.body,
              ::testing::ContainsRegex("# TYPE fsynctime summary\nfsynctime_count [1-9][0-9]*.0\n"));
}

}  // namespace
}  // namespace ottla::coordination
