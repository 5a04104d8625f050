// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/admin.h"

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "coordination/server/summary.h"
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
  EXPECT_EQ(found, 26u);
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
  EXPECT_EQ(ask("connections")["connections"].back()["last_operation"], "GETD");
  EXPECT_EQ(ask("stats")["connections"].back().size(), 5u) << "the short form";
  EXPECT_EQ(ask("last_snapshot")["zxid"], "0") << "that of the empty tree";
  EXPECT_EQ(ask("system_properties")["os.name"], "Linux");
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

struct Family {
  std::string type;
  std::set<std::string> labels;  // all that samples carry, without the keys of sets
  bool operator==(const Family& other) const { return type == other.type && labels == other.labels; }
};

void PrintTo(const Family& family, std::ostream* out) {
  *out << family.type;
  for (const auto& labels : family.labels) *out << " " << labels;
}

// As the file lists ZooKeeper's.
std::map<std::string, Family> zookeepers_families() {
  std::map<std::string, Family> families;
  std::ifstream file(OTTLA_ZOOKEEPER_METRICS);
  std::string line, name, word;
  while (std::getline(file, line)) {
    if (line.starts_with("#")) continue;
    std::istringstream words(line);
    Family family;
    words >> name >> family.type;
    bool is_set = false;
    while (words >> word) {
      if (word == "set") {
        is_set = true;
      } else {
        family.labels.insert((is_set ? "key quantile=" : "quantile=") + word);
      }
    }
    family.labels.insert(is_set ? "key" : "");
    families[name] = family;
  }
  return families;
}

// Sets without a sample have no labels to compare.
std::map<std::string, Family> families_of(const std::string& text) {
  std::map<std::string, Family> families;
  std::istringstream lines(text);
  std::string line, name;
  while (std::getline(lines, line)) {
    if (line.starts_with("# TYPE ")) {
      name = line.substr(7, line.find(' ', 7) - 7);
      families[name].type = line.substr(line.rfind(' ') + 1);
    } else if (!line.starts_with("#")) {
      EXPECT_TRUE(line.starts_with(name)) << line;
      const size_t key = line.find("key=\""), quantile = line.find("quantile=\"");
      std::string labels = key == std::string::npos ? "" : "key";
      if (quantile != std::string::npos)
        labels += (labels.empty() ? "quantile=" : " quantile=") +
                  line.substr(quantile + 10, line.find('"', quantile + 10) - quantile - 10);
      families[name].labels.insert(labels);
    }
  }
  return families;
}

TEST_F(AdminTest, PrometheusFindsEveryNameTypeLabelAndQuantileOfZooKeeper) {
  create("/a");
  create("/zookeeper/quota/a");
  create("/zookeeper/quota/a/zookeeper_limits", "count=5,bytes=-1");
  create("/zookeeper/quota/a/zookeeper_stats", "count=1,bytes=0");
  WireClient wire(*server, "127.0.0.1:4711");
  wire.hello();
  wire.request(jute::kGetData, jute::PathWatchRequest{"/a", false});
  loop.run_pending();
  const HttpAnswer answer = server->answer_metrics("/metrics");
  EXPECT_EQ(answer.status, 200);
  auto expected = zookeepers_families();
  ASSERT_EQ(expected.size(), 145u);
  // What nothing has been measured of yet: an ensemble's, and refusals.
  for (const char* name : {"ack_latency", "learner_handler_qp_size", "learner_handler_qp_time_ms",
                           "quota_exceeded_error_per_namespace"})
    expected[name].labels.clear();
  EXPECT_EQ(families_of(answer.body), expected);
}

TEST_F(AdminTest, MetricsShowWhatHappened) {
  create("/a", "data");
  WireClient wire(*server, "127.0.0.1:4711");
  wire.hello();
  wire.request(jute::kGetData, jute::PathWatchRequest{"/a", true});
  wire.request(jute::kSetData, jute::SetDataRequest{"/a", "other", -1});
  loop.run_pending();
  const std::string text = server->answer_metrics("/metrics").body;
  EXPECT_THAT(text, HasSubstr("# TYPE znode_count gauge\nznode_count 6.0\n"));
  EXPECT_THAT(text, ::testing::ContainsRegex("fsynctime_count [1-9][0-9]*.0\n"));
  EXPECT_THAT(text, HasSubstr("node_changed_watch_count{quantile=\"0.5\",} 1.0\n"));
  EXPECT_THAT(text, HasSubstr("read_per_namespace_sum{key=\"a\",} 74.0\n")) << "path, data and stat";
  EXPECT_THAT(text, HasSubstr("write_per_namespace_count{key=\"a\",} 2.0\n"));
  EXPECT_THAT(text, HasSubstr("write_commitproc_time_ms{quantile=\"0.99\",} NaN\n"));
  EXPECT_EQ(ask("monitor")["max_a_write_per_namespace"], 7);
  EXPECT_EQ(ask("monitor")["p999_readlatency"], 0);
}

TEST_F(AdminTest, OnlyAHundredNamespacesAreMeasured) {
  for (int i = 0; i < 150; ++i) create("/n" + std::to_string(i));
  const std::string text = server->answer_metrics("/metrics").body;
  size_t found = 0;
  for (size_t at = 0; (at = text.find("\nwrite_per_namespace_count{", at)) != std::string::npos; ++at)
    ++found;
  EXPECT_EQ(found, 100u);
}

TEST(SampledSummaryTest, QuantilesAreThoseOfTheLastTenMinutes) {
  SampledSummary summary;
  EXPECT_TRUE(std::isnan(summary.quantile(0.5, 0)));
  for (int64_t value = 1; value <= 1000; ++value) summary.add(value, 1000);
  EXPECT_NEAR(summary.quantile(0.5, 1000), 500, 20);
  EXPECT_NEAR(summary.quantile(0.99, 1000), 990, 40);
  EXPECT_EQ(summary.quantile(0.001, 1000), 1);
  summary.add(7, 590'000);
  EXPECT_NEAR(summary.quantile(0.5, 590'000), 500, 20);
  EXPECT_EQ(summary.quantile(0.5, 610'000), 7) << "the older ones are out of the window";
  summary.add(9, 610'000);  // where the first were counted
  EXPECT_EQ(summary.quantile(1, 610'000), 9);
  EXPECT_TRUE(std::isnan(summary.quantile(0.5, 2'000'000)));
  EXPECT_EQ(summary.total().count, 1002);
}

TEST(SampledSummaryTest, LargeValuesHaveTheirPlaceToo) {
  SampledSummary summary;
  summary.add(INT64_MAX, 0);
  EXPECT_NEAR(summary.quantile(0.5, 0), static_cast<double>(INT64_MAX), 6e17);
  summary.add(-5, 0);
  EXPECT_EQ(summary.quantile(0.5, 0), 0) << "a clock that was set back";
}

}  // namespace
}  // namespace ottla::coordination
