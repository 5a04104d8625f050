// SPDX-License-Identifier: Apache-2.0
#include "storage/log/log_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/base/manual_loop.h"
#include "protocol/records/batch_builder.h"
#include "storage/io/faulty_file_system.h"
#include "storage/log/file_names.h"

namespace ottla::storage {
namespace {

using testing::HasSubstr;

class LogManagerTest : public testing::Test {
 protected:
  LogManagerTest() { config_.segment_bytes = 500; }

  std::unique_ptr<LogManager> make() {
    LogManagerSettings settings;
    settings.directories = directories_;
    return std::make_unique<LogManager>(
        files_, loop_, settings, [this] { return std::array<uint8_t, 16>{++random_}; },
        [this](const std::string& directory, const Status&) { failed_.push_back(directory); });
  }
  Status load() {
    Status result(ErrorCode::UNKNOWN_SERVER_ERROR, "not called");
    logs_->load([this](const std::string&) { return config_; },
                [&](Status status) { result = std::move(status); });
    loop_.run_pending();
    return result;
  }
  void start() {
    logs_ = make();
    Status status = logs_->lock_directories();
    ASSERT_TRUE(status.ok()) << status.message();
    status = logs_->take_identity(1, "cluster-1");
    ASSERT_TRUE(status.ok()) << status.message();
    status = load();
    ASSERT_TRUE(status.ok()) << status.message();
    logs_->write_identity();
    loop_.run_pending();
  }
  bool stop() {
    bool clean = false;
    bool done = false;
    logs_->stop([&](bool was_clean) {
      clean = was_clean;
      done = true;
    });
    loop_.run_pending();
    EXPECT_TRUE(done);
    logs_.reset();
    return clean;
  }
  void kill() {
    logs_.reset();
    files_.kill();
  }
  Log& log(const std::string& topic, int32_t partition = 0) {
    const auto log = logs_->get_or_create(topic, partition, Uuid{}, config_);
    EXPECT_TRUE(log.ok()) << log.status().message();
    return **log;
  }
  ErrorCode append(Log& log, int count = 1) {
    AppendInfo info;
    for (int i = 0; i < count && info.error == ErrorCode::NONE; ++i) {
      records::BatchBuilder builder;
      builder.begin({});
      builder.append(loop_.wall_ms(), std::nullopt, Bytes(reinterpret_cast<const uint8_t*>("value"), 5));
      info = log.append_as_leader(*builder.finish(), 0, AppendOrigin::kClient, 9, loop_.wall_ms());
    }
    return info.error;
  }
  std::vector<std::string> entries(const std::string& directory) {
    std::vector<std::string> found;
    const auto listed = files_.list(directory);
    for (const auto& entry : *listed) found.push_back(entry.name);
    return found;
  }

  FaultyFileSystem files_;
  ManualLoop loop_;
  LogConfig config_;
  std::vector<std::string> directories_{"/d1"};
  std::vector<std::string> failed_;
  std::unique_ptr<LogManager> logs_;
  uint8_t random_ = 0;
};

TEST_F(LogManagerTest, ANewMachineGetsItsIdentityWritten) {
  logs_ = make();
  ASSERT_TRUE(logs_->lock_directories().ok());
  EXPECT_EQ(logs_->identity().broker_id, -1);
  ASSERT_TRUE(logs_->take_identity(3, "N-oSAgY_TeOGBjoAEvcyzA").ok());
  EXPECT_FALSE(files_.exists("/d1/meta.properties"));
  logs_->write_identity();
  loop_.run_pending();
  const std::string meta = *files_.read_text("/d1/meta.properties");
  EXPECT_THAT(meta, HasSubstr("broker.id=3\n"));
  EXPECT_THAT(meta, HasSubstr("cluster.id=N-oSAgY_TeOGBjoAEvcyzA\n"));
  EXPECT_THAT(meta, HasSubstr("version=0\n"));
  EXPECT_EQ(meta[0], '#');
  kill();
  logs_ = make();
  ASSERT_TRUE(logs_->lock_directories().ok());
  EXPECT_EQ(logs_->identity().broker_id, 3);
  EXPECT_EQ(logs_->identity().cluster_id, "N-oSAgY_TeOGBjoAEvcyzA");
}

TEST_F(LogManagerTest, A24RefusesAnotherBrokersDirectory) {
  start();
  stop();
  logs_ = make();
  ASSERT_TRUE(logs_->lock_directories().ok());
  const Status broker = logs_->take_identity(2, "cluster-1");
  EXPECT_FALSE(broker.ok());
  EXPECT_THAT(broker.message(), HasSubstr("Configured broker.id 2 doesn't match stored broker.id 1"));
  const Status cluster = logs_->take_identity(1, "cluster-2");
  EXPECT_EQ(cluster.code(), ErrorCode::INCONSISTENT_CLUSTER_ID);
  EXPECT_THAT(cluster.message(), HasSubstr("cluster-2 doesn't match stored clusterId cluster-1"));
}

TEST_F(LogManagerTest, ReadsTheMetaPropertiesOfJavaAndOfKraft) {
  const auto put = [&](const std::string& text) {
    ASSERT_TRUE(files_.make_directories("/d1").ok());
    ASSERT_TRUE(files_
                    .write_atomically("/d1/meta.properties",
                                      {reinterpret_cast<const uint8_t*>(text.data()), text.size()})
                    .ok());
  };
  put("#\r\n#Sun Nov 22 21:00:00 UTC 2026\r\nnode.id = "
      "7\r\ndirectory.id=x\\=y\r\nversion=1\r\ncluster.id=abc\r\n");
  logs_ = make();
  ASSERT_TRUE(logs_->lock_directories().ok());
  EXPECT_EQ(logs_->identity().broker_id, 7);
  EXPECT_EQ(logs_->identity().cluster_id, "abc");
  kill();
  put("broker.id=x\n");
  logs_ = make();
  const Status status = logs_->lock_directories();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr("/d1/meta.properties"));
}

TEST_F(LogManagerTest, A23OneBrokerAtATime) {
  start();
  auto second = make();
  const Status status = second->lock_directories();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr("Failed to acquire lock on file .lock in /d1"));
  stop();
  EXPECT_TRUE(make()->lock_directories().ok());
}

TEST_F(LogManagerTest, ADirectoryNamedTwiceIsRefused) {
  directories_ = {"/d1", "/d1/"};
  EXPECT_THAT(make()->lock_directories().message(), HasSubstr("twice"));
}

TEST_F(LogManagerTest, ACleanStopIsTrustedOnce) {
  start();
  ASSERT_EQ(append(log("t"), 30), ErrorCode::NONE);
  EXPECT_TRUE(stop());
  EXPECT_TRUE(files_.exists("/d1/.kafka_cleanshutdown"));
  EXPECT_EQ(*files_.read_text("/d1/recovery-point-offset-checkpoint"), "0\n1\nt 0 30\n");
  EXPECT_EQ(*files_.read_text("/d1/replication-offset-checkpoint"), "0\n1\nt 0 30\n");
  EXPECT_EQ(*files_.read_text("/d1/log-start-offset-checkpoint"), "0\n0\n");
  start();
  EXPECT_FALSE(files_.exists("/d1/.kafka_cleanshutdown"));
  EXPECT_EQ(log("t").log_end_offset(), 30);
}

TEST_F(LogManagerTest, A13WhatAStopMarkedCleanSurvivesAPowerCut) {
  start();
  ASSERT_EQ(append(log("t"), 30), ErrorCode::NONE);
  ASSERT_EQ(append(log("t", 1), 1), ErrorCode::NONE);
  EXPECT_TRUE(stop());
  files_.crash();
  start();
  EXPECT_EQ(log("t").log_end_offset(), 30);
  EXPECT_EQ(log("t", 1).log_end_offset(), 1);
}

TEST_F(LogManagerTest, AKilledBrokerComesBackWithAllItHad) {
  start();
  ASSERT_EQ(append(log("t"), 30), ErrorCode::NONE);
  kill();
  start();
  EXPECT_EQ(log("t").log_end_offset(), 30);
}

TEST_F(LogManagerTest, AFailureWhileStoppingLeavesNoMarker) {
  start();
  ASSERT_EQ(append(log("t"), 3), ErrorCode::NONE);
  files_.fail_calls_from(FaultyFileSystem::Call::kSync, 1, EIO);
  EXPECT_FALSE(stop());
  EXPECT_FALSE(files_.exists("/d1/.kafka_cleanshutdown"));
}

TEST_F(LogManagerTest, A11DamagedCheckpointsMeanWalkingEverything) {
  start();
  ASSERT_EQ(append(log("t"), 30), ErrorCode::NONE);
  EXPECT_TRUE(stop());
  ASSERT_TRUE(files_.remove_file("/d1/.kafka_cleanshutdown").ok());
  files_.contents("/d1/recovery-point-offset-checkpoint") = {'0', '\n', 'x'};
  files_.contents("/d1/log-start-offset-checkpoint").clear();
  start();
  EXPECT_EQ(log("t").log_end_offset(), 30);
}

TEST_F(LogManagerTest, TheLogStartSurvivesThroughItsCheckpoint) {
  start();
  ASSERT_EQ(append(log("t"), 30), ErrorCode::NONE);
  const int64_t start_offset = log("t").active_base_offset() + 1;
  ASSERT_TRUE(log("t").delete_records(start_offset).ok());
  loop_.advance(61000);
  kill();
  start();
  EXPECT_EQ(log("t").log_start_offset(), start_offset);
}

TEST_F(LogManagerTest, FindsOnlyWhatIsThere) {
  start();
  EXPECT_EQ(logs_->find("t", 0), nullptr);
  Log& created = log("t");
  EXPECT_EQ(logs_->find("t", 0), &created);
  EXPECT_EQ(&log("t"), &created);
  EXPECT_EQ(logs_->size(), 1u);
}

TEST_F(LogManagerTest, ANewLogGetsTheIndexFilesThatKafkaLooksForWithoutWaitingForThem) {
  start();
  const std::string stem = log("t").directory() + "/" + offset_file_name(0, "");
  loop_.run_pending();
  EXPECT_FALSE(files_.exists(stem + kOffsetIndexSuffix));
  loop_.advance(10);
  EXPECT_TRUE(files_.exists(stem + kOffsetIndexSuffix));
  EXPECT_TRUE(files_.exists(stem + kTimeIndexSuffix));
}

TEST_F(LogManagerTest, AStopLeavesNoNewLogWithoutIndexFiles) {
  start();
  const std::string stem = log("t").directory() + "/" + offset_file_name(0, "");
  EXPECT_TRUE(stop());
  EXPECT_TRUE(files_.exists(stem + kOffsetIndexSuffix));
  EXPECT_TRUE(files_.exists(stem + kTimeIndexSuffix));
}

TEST_F(LogManagerTest, ALogOfAnotherTopicIdIsRefused) {
  start();
  const Uuid one = *Uuid::parse("6ujQfKMYQqmQFyuL3dh4pQ");
  const Uuid two = *Uuid::parse("7ujQfKMYQqmQFyuL3dh4pQ");
  ASSERT_TRUE(logs_->get_or_create("t", 0, one, config_).ok());
  EXPECT_TRUE(logs_->get_or_create("t", 0, one, config_).ok());
  EXPECT_EQ(logs_->get_or_create("t", 0, two, config_).status().code(), ErrorCode::INCONSISTENT_TOPIC_ID);
}

TEST_F(LogManagerTest, NewLogsGoToTheEmptiestDirectory) {
  directories_ = {"/d1", "/d2"};
  start();
  for (int32_t partition = 0; partition < 6; ++partition) log("t", partition);
  int in_first = 0;
  logs_->for_each(
      [&](const TopicPartitionName&, Log& one) { in_first += one.directory().starts_with("/d1/") ? 1 : 0; });
  EXPECT_EQ(in_first, 3);
}

TEST_F(LogManagerTest, ADeletedLogIsRenamedAtOnceAndUnlinkedLater) {
  start();
  ASSERT_EQ(append(log("t"), 3), ErrorCode::NONE);
  const FileSlice slice = log("t").read(0, 1 << 20, 3, true)->slice;
  ASSERT_TRUE(logs_->remove("t", 0).ok());
  EXPECT_EQ(logs_->find("t", 0), nullptr);
  EXPECT_THAT(entries("/d1"), testing::Contains("t-0.01000000000000000000000000000000-delete"));
  // The same name may come back at once.
  EXPECT_EQ(log("t").log_end_offset(), 0);
  loop_.advance(59000);
  EXPECT_TRUE(files_.exists("/d1/t-0.01000000000000000000000000000000-delete"));
  loop_.advance(1001);
  EXPECT_FALSE(files_.exists("/d1/t-0.01000000000000000000000000000000-delete"));
  EXPECT_TRUE(files_.exists("/d1/t-0"));
  std::vector<uint8_t> bytes(slice.length);
  EXPECT_EQ(slice.file->read_at(bytes, slice.position), static_cast<ssize_t>(slice.length));
}

TEST_F(LogManagerTest, A20DeletionsThatACrashInterruptedGoOn) {
  start();
  ASSERT_EQ(append(log("t"), 3), ErrorCode::NONE);
  ASSERT_TRUE(logs_->remove("t", 0).ok());
  kill();
  start();
  loop_.advance(1);
  for (const std::string& name : entries("/d1")) EXPECT_FALSE(name.ends_with("-delete")) << name;
  EXPECT_EQ(logs_->size(), 0u);
}

TEST_F(LogManagerTest, ARecreatedTopicDoesNotInheritCheckpoints) {
  start();
  ASSERT_EQ(append(log("t"), 30), ErrorCode::NONE);
  ASSERT_TRUE(log("t").delete_records(log("t").active_base_offset() + 1).ok());
  loop_.advance(61000);
  ASSERT_TRUE(logs_->remove("t", 0).ok());
  loop_.run_pending();
  ASSERT_EQ(append(log("t"), 5), ErrorCode::NONE);
  kill();
  start();
  EXPECT_EQ(log("t").log_start_offset(), 0);
  EXPECT_EQ(log("t").log_end_offset(), 5);
}

TEST_F(LogManagerTest, RetentionRunsByItself) {
  config_.retention_ms = 60000;
  start();
  ASSERT_EQ(append(log("t"), 30), ErrorCode::NONE);
  loop_.advance(24 * 3600 * 1000);
  EXPECT_EQ(log("t").log_start_offset(), 30);
  // One empty segment is left, with no file of the old ones beside it.
  for (const std::string& name : entries("/d1/t-0")) EXPECT_FALSE(name.ends_with(".deleted")) << name;
}

TEST_F(LogManagerTest, RolledSegmentsAreFlushedAndTheRecoveryPointMoves) {
  start();
  ASSERT_EQ(append(log("t"), 30), ErrorCode::NONE);
  EXPECT_EQ(log("t").recovery_point(), 0);
  loop_.advance(61000);
  EXPECT_EQ(log("t").recovery_point(), 30);
  EXPECT_EQ(*files_.read_text("/d1/recovery-point-offset-checkpoint"), "0\n1\nt 0 30\n");
  files_.crash();
  start();
  EXPECT_EQ(log("t").log_end_offset(), 30);
}

TEST_F(LogManagerTest, ATopicsFlushMsActsByItself) {
  config_.flush_ms = 1000;
  start();
  ASSERT_EQ(append(log("t"), 3), ErrorCode::NONE);
  loop_.advance(900);
  EXPECT_EQ(log("t").recovery_point(), 0);
  loop_.advance(6000);
  EXPECT_EQ(log("t").recovery_point(), 3);
  // Set while running.
  ASSERT_EQ(append(log("t"), 3), ErrorCode::NONE);
  config_.flush_ms = INT64_MAX;
  log("t").update_config(config_);
  loop_.advance(20'000);
  EXPECT_EQ(log("t").recovery_point(), 3);
  config_.flush_ms = 1;
  log("t").update_config(config_);
  loop_.advance(6000);
  EXPECT_EQ(log("t").recovery_point(), 6);
}

TEST_F(LogManagerTest, AnIdleBrokerWritesNothing) {
  start();
  ASSERT_EQ(append(log("t"), 30), ErrorCode::NONE);
  loop_.advance(200000);
  const int writes = files_.count(FaultyFileSystem::Call::kWrite);
  const int syncs = files_.count(FaultyFileSystem::Call::kSync);
  loop_.advance(3600 * 1000);
  EXPECT_EQ(files_.count(FaultyFileSystem::Call::kWrite), writes);
  EXPECT_EQ(files_.count(FaultyFileSystem::Call::kSync), syncs);
}

TEST_F(LogManagerTest, B8AFailedDirectoryGoesOfflineAndTheOthersGoOn) {
  directories_ = {"/d1", "/d2"};
  start();
  Log& first = log("a");
  Log& second = log("b");
  ASSERT_NE(first.directory().substr(0, 3), second.directory().substr(0, 3));
  files_.fail_call(FaultyFileSystem::Call::kWrite, 1, EIO);
  EXPECT_EQ(append(first), ErrorCode::KAFKA_STORAGE_ERROR);
  loop_.run_pending();
  EXPECT_EQ(failed_, (std::vector<std::string>{first.directory().substr(0, 3)}));
  EXPECT_EQ(logs_->find("a", 0), nullptr);
  EXPECT_EQ(append(first), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(append(second), ErrorCode::NONE);
  EXPECT_EQ(logs_->online_directories(), 1u);
  EXPECT_FALSE(log("c").directory().starts_with(failed_[0]));
  // The other is still marked clean.
  stop();
  EXPECT_EQ(files_.exists("/d1/.kafka_cleanshutdown") + files_.exists("/d2/.kafka_cleanshutdown"), 1);
}

TEST_F(LogManagerTest, B7ADirectoryThatCannotBeUsedAtTheStartIsOffline) {
  directories_ = {"/d1", "/d2"};
  files_.fail_call(FaultyFileSystem::Call::kOpen, 1, EACCES);
  start();
  EXPECT_EQ(logs_->online_directories(), 1u);
  directories_ = {"/d3"};
  files_.fail_call(FaultyFileSystem::Call::kOpen, 1, EACCES);
  const Status status = make()->lock_directories();
  EXPECT_THAT(status.message(), HasSubstr("/d3"));
}

TEST_F(LogManagerTest, ForeignDirectoriesAreLeftAlone) {
  ASSERT_TRUE(files_.make_directories("/d1/lost+found").ok());
  ASSERT_TRUE(files_.make_directories("/d1/t-0-future").ok());
  ASSERT_TRUE(files_.make_directories("/d1/__cluster_metadata-0").ok());
  start();
  EXPECT_EQ(logs_->size(), 0u);
  EXPECT_TRUE(files_.exists("/d1/lost+found"));
}

TEST_F(LogManagerTest, APartitionInTwoDirectoriesIsRefused) {
  directories_ = {"/d1", "/d2"};
  ASSERT_TRUE(files_.make_directories("/d1/t-0").ok());
  ASSERT_TRUE(files_.make_directories("/d2/t-0").ok());
  logs_ = make();
  ASSERT_TRUE(logs_->lock_directories().ok());
  EXPECT_THAT(load().message(), HasSubstr("Duplicate log directories for t-0"));
}

}  // namespace
}  // namespace ottla::storage
