// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "coordination/server/snapshot.h"
#include "coordination/server/txn_log.h"
#include "tests/coordination/support.h"

namespace ottla::coordination {
namespace {

using Call = storage::FaultyFileSystem::Call;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class StoreTest : public ServerTest {
 protected:
  std::vector<std::string> names() {
    std::vector<std::string> found;
    const auto entries = files.list("/data/version-2");
    for (const auto& entry : *entries) found.push_back(entry.name);
    return found;
  }
  std::string only_log() {
    for (const auto& name : names()) {
      if (name.rfind("log.", 0) == 0) return "/data/version-2/" + name;
    }
    ADD_FAILURE() << "no log";
    return "";
  }
  // Where its last transaction ends.
  size_t end_of(const std::string& log) {
    const auto& bytes = files.contents(log);
    return static_cast<size_t>(
        std::find_if(bytes.rbegin(), bytes.rend(), [](uint8_t byte) { return byte != 0; }).base() -
        bytes.begin());
  }
  void create_many(const std::string& prefix, int count, size_t data_bytes) {
    for (int i = 0; i < count; ++i)
      EXPECT_TRUE(create(fmt::format("{}{}", prefix, i), std::string(data_bytes, 'x')).ok());
  }
};

TEST_F(StoreTest, AFreshDirectoryCostsOneSyncForASessionAndManyNodes) {
  start();
  client = make_in_process_client(loop, *server, "", 6000);
  ASSERT_TRUE(client->start().ok());
  int made = 0;
  for (int i = 0; i < 25; ++i) {
    client->create(
        "/node" + std::to_string(i), "x", open_acl(), CreateMode::kPersistent,
        [&](const CreateReply& reply) { client->when_durable([&, ok = reply.ok()] { made += ok; }); });
  }
  loop.hold = true;
  loop.run_pending();
  EXPECT_EQ(made, 0);
  while (!loop.held.empty()) loop.step();
  EXPECT_EQ(made, 25);
  EXPECT_EQ(server->sync_count(), 1);
  EXPECT_THAT(names(), ::testing::IsSupersetOf({"log.1", "snapshot.0"}));
  loop.hold = false;
}

TEST_F(StoreTest, WhatGathersDuringASyncSharesTheNext) {
  start();
  connect();
  loop.hold = true;
  const int64_t before = server->sync_count();
  int made = 0;
  const auto count = [&](const CreateReply& reply) {
    client->when_durable([&, ok = reply.ok()] { made += ok; });
  };
  client->create("/a", "", open_acl(), CreateMode::kPersistent, count);
  loop.run_pending();
  for (int i = 0; i < 10; ++i) {
    client->create("/b" + std::to_string(i), "", open_acl(), CreateMode::kPersistent, count);
    loop.run_pending();
  }
  loop.step();
  EXPECT_EQ(made, 1);
  loop.step();
  EXPECT_EQ(made, 11);
  EXPECT_EQ(server->sync_count(), before + 2);
  loop.hold = false;
}

TEST_F(StoreTest, WhereManyWriteACommitWaitsForThoseWhoWereJustAnsweredButNotForLong) {
  start();
  connect();
  loop.hold = true;
  const int64_t before = server->sync_count();
  int made = 0;
  int next = 0;
  const auto write = [&](int count) {
    for (int i = 0; i < count; ++i) {
      client->create(
          "/n" + std::to_string(next++), "", open_acl(), CreateMode::kPersistent,
          [&](const CreateReply& reply) { client->when_durable([&, ok = reply.ok()] { made += ok; }); });
    }
    loop.run_pending();
  };
  write(10);
  write(10);
  loop.step();
  EXPECT_EQ(made, 10);
  EXPECT_TRUE(loop.held.empty()) << "the ten that were answered may write again";
  write(9);
  EXPECT_TRUE(loop.held.empty());
  write(1);
  loop.step();
  EXPECT_EQ(made, 30);
  EXPECT_EQ(server->sync_count(), before + 2);

  write(10);
  write(10);
  loop.step();
  EXPECT_TRUE(loop.held.empty());
  loop.advance(CommitPace::kLongestMs);
  loop.step();
  EXPECT_EQ(made, 50);
  loop.hold = false;
}

TEST_F(StoreTest, ATreeComesBackFromItsLog) {
  start();
  connect();
  create("/a", "one");
  set("/a", "two");
  create("/a/b", std::nullopt);
  create("/gone");
  remove("/gone");
  multi({Op::create("/m", "x"), Op::set_data("/m", "y")});
  multi({Op::create("/never", "x"), Op::remove("/missing")});
  create("/c", "", CreateMode::kContainer);
  const DataReply before = get("/a"), before_b = get("/a/b");
  const int64_t last = server->last_zxid();
  kill_and_start();
  EXPECT_GE(server->last_zxid(), last);
  connect();
  EXPECT_EQ(get("/a").data, "two");
  EXPECT_EQ(get("/a").stat, before.stat);
  EXPECT_TRUE(get("/a/b").data_is_null);
  EXPECT_EQ(get("/a/b").stat, before_b.stat);
  EXPECT_EQ(get("/m").data, "y");
  EXPECT_EQ(exists("/gone").error, ZkError::kNoNode);
  EXPECT_EQ(exists("/never").error, ZkError::kNoNode);
  EXPECT_EQ(exists("/c").stat.ephemeral_owner, 0) << "a container has no owner that clients see";
  create("/c/child");
  remove("/c/child");
  loop.advance(120'000);
  EXPECT_EQ(exists("/c").error, ZkError::kNoNode) << "but it is one";
}

TEST_F(StoreTest, NothingAcknowledgedIsLostWhenPowerFailsAtAnyMoment) {
  for (const size_t kept : {size_t{0}, size_t{1}, size_t{20}, size_t{60}, size_t{1'000'000}}) {
    for (int steps = 0; steps < 6; ++steps) {
      files.crash();
      ASSERT_TRUE(files.remove_all("/data").ok());
      start();
      connect();
      loop.hold = true;
      std::vector<std::string> acknowledged;
      for (int i = 0; i < 8; ++i) {
        const std::string path = "/n" + std::to_string(i);
        client->create(path, "x", open_acl(), CreateMode::kPersistent, [&, path](const CreateReply& reply) {
          if (reply.ok()) client->when_durable([&, path] { acknowledged.push_back(path); });
        });
        loop.run_pending();
        if (i < steps && !loop.held.empty()) loop.step();
      }
      loop.hold = false;
      loop.held.clear();
      crash_and_start(kept);
      connect();
      for (const auto& path : acknowledged)
        EXPECT_TRUE(exists(path).ok()) << path << " after " << steps << ", " << kept;
      EXPECT_TRUE(create("/after").ok());
      stop();
    }
  }
}

TEST_F(StoreTest, E2ALogCutAtAnyByteLosesOnlyWhatIsBehindTheCut) {
  start();
  connect();
  create("/a", "first");
  const size_t second = files.contents(only_log()).size();
  create("/b", "second");
  stop();
  files.kill();
  const std::string log = only_log();
  const std::vector<uint8_t> whole = files.contents(log);
  for (size_t cut = 0; cut <= whole.size(); ++cut) {
    auto fresh = std::make_unique<storage::FaultyFileSystem>();
    ASSERT_TRUE(fresh->make_directories("/data/version-2").ok());
    ASSERT_TRUE(
        (*fresh->open("/data/version-2/snapshot.0", true))->write_at(encode_snapshot(DataTree()), 0).ok());
    ASSERT_TRUE((*fresh->open(log, true))->write_at(Bytes(whole).first(cut), 0).ok());
    auto opened = Server::open(loop, *fresh, config);
    ASSERT_TRUE(opened.ok()) << cut << ": " << opened.status().message();
    server = std::move(*opened);
    connect();
    EXPECT_EQ(exists("/a").ok(), cut >= second) << cut;
    EXPECT_EQ(exists("/b").ok(), cut >= whole.size()) << cut;
    EXPECT_TRUE(create("/c").ok());
    stop();
    // And once more: the cut file lies before the one that was begun after it.
    fresh->kill();
    auto again = Server::open(loop, *fresh, config);
    ASSERT_TRUE(again.ok()) << cut << ": " << again.status().message();
    server = std::move(*again);
    connect();
    EXPECT_TRUE(exists("/c").ok()) << cut;
    EXPECT_EQ(exists("/a").ok(), cut >= second) << cut;
    stop();
  }
}

TEST_F(StoreTest, E3DamageInTheMiddleOfALogRefusesToStart) {
  start();
  connect();
  create("/a", "first");
  const size_t middle = files.contents(only_log()).size() - 10;
  create("/b", "second");
  stop();
  files.kill();
  files.contents(only_log())[middle] ^= 1;
  const Status status = try_start();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr(only_log()));
  EXPECT_THAT(status.message(), HasSubstr("truncate -s"));
}

TEST_F(StoreTest, DamageInTheLengthOfAMiddleRecordRefusesToStart) {
  start();
  connect();
  const size_t record = files.contents(only_log()).size();
  create("/a", "first");
  create("/b", "second");
  stop();
  files.kill();
  files.contents(only_log())[record + 9] = 0x40;
  EXPECT_FALSE(try_start().ok());
}

TEST_F(StoreTest, ZerosBehindTheLastTransactionAreTheEnd) {
  start();
  connect();
  create("/a");
  stop();
  files.kill();
  auto& bytes = files.contents(only_log());
  bytes.resize(bytes.size() + 65536);
  start();
  connect();
  EXPECT_TRUE(exists("/a").ok());
}

TEST_F(StoreTest, ALongLogHasZerosAheadSoThatACommitLeavesItsLengthAlone) {
  start();
  connect();
  create("/small", "x");
  EXPECT_EQ(files.contents(only_log()).back(), 'B') << "a short one ends where it ends";
  create_many("/n", 60, 200);
  const size_t length = files.contents(only_log()).size();
  const size_t end = end_of(only_log());
  EXPECT_GT(length, end + 8192);
  EXPECT_LE(length, end + kLogFill);
  EXPECT_TRUE(create("/ahead", "x").ok());
  EXPECT_EQ(files.contents(only_log()).size(), length);
  EXPECT_GT(end_of(only_log()), end);
  crash_and_start(0);
  connect();
  EXPECT_TRUE(exists("/ahead").ok());
  EXPECT_TRUE(create("/after").ok());
}

TEST_F(StoreTest, WhereThereIsNoRoomForZerosAheadThereIsForTheTransactions) {
  start();
  connect();
  create("/a", "");
  files.fail_call(Call::kWrite, 1, ENOSPC);
  EXPECT_TRUE(create("/large", std::string(20'000, 'x')).ok());
  EXPECT_EQ(files.contents(only_log()).size(), end_of(only_log()));
  EXPECT_TRUE(create("/b").ok());
  crash_and_start(0);
  connect();
  EXPECT_TRUE(exists("/large").ok());
  EXPECT_TRUE(exists("/b").ok());
}

TEST_F(StoreTest, E2APieceThatAPowerCutDidNotKeepAmongTheZerosAheadEndsTheLog) {
  for (const bool near_the_end : {true, false}) {
    files.crash();
    ASSERT_TRUE(files.remove_all("/data").ok());
    start();
    connect();
    create_many("/kept", 100, 200);
    const size_t kept = end_of(only_log());
    create_many("/lost", 3, 2000);
    if (!near_the_end) create_many("/later", 100, 10'000);
    stop();
    files.kill();
    auto& bytes = files.contents(only_log());
    const size_t sector = (kept / 512 + 2) * 512;
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(sector), 512, uint8_t{0});
    if (!near_the_end) {
      EXPECT_THAT(try_start().message(), HasSubstr("whole transactions follow"));
      continue;
    }
    start();
    connect();
    EXPECT_TRUE(exists("/kept99").ok());
    EXPECT_EQ(exists("/lost0").error, ZkError::kNoNode);
    EXPECT_EQ(exists("/lost2").error, ZkError::kNoNode);
    EXPECT_TRUE(create("/after").ok());
    kill_and_start();
    connect();
    EXPECT_TRUE(exists("/after").ok());
    stop();
  }
}

TEST_F(StoreTest, AMissingLogInTheMiddleRefusesToStart) {
  start();
  connect();
  create("/a");
  kill_and_start();
  connect();
  create("/b");
  kill_and_start();
  connect();
  create("/c");
  stop();
  files.kill();
  auto zxids = *list_zxids(files, "/data/version-2", "log");
  ASSERT_EQ(zxids.size(), 3u);
  ASSERT_TRUE(files.remove_file("/data/version-2/" + name_of_zxid("log", zxids[1])).ok());
  const Status status = try_start();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr("are in no file"));
}

TEST_F(StoreTest, SnapshotsAreTakenAndOldFilesPurged) {
  config.snap_count = 20;
  config.purge_interval_hours = 1;
  start();
  connect();
  for (int i = 0; i < 200; ++i) create("/n" + std::to_string(i), std::string(100, 'x'));
  const auto snapshots = *list_zxids(files, "/data/version-2", "snapshot");
  EXPECT_GT(snapshots.size(), 5u);
  loop.advance(3'600'000);
  EXPECT_EQ(list_zxids(files, "/data/version-2", "snapshot")->size(), 3u);
  EXPECT_LT(list_zxids(files, "/data/version-2", "log")->size(), 6u);
  crash_and_start();
  connect();
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(exists("/n" + std::to_string(i)).ok());
}

TEST_F(StoreTest, E5ASnapshotThatIsDamagedIsSkippedForTheOneBeforeIt) {
  config.snap_count = 20;
  start();
  connect();
  for (int i = 0; i < 50; ++i) create("/n" + std::to_string(i));
  stop();
  files.kill();
  const auto snapshots = *list_zxids(files, "/data/version-2", "snapshot");
  ASSERT_GE(snapshots.size(), 2u);
  auto& newest = files.contents("/data/version-2/" + name_of_zxid("snapshot", snapshots.back()));
  newest[newest.size() / 2] ^= 0x40;
  start();
  connect();
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(exists("/n" + std::to_string(i)).ok()) << i;
}

TEST_F(StoreTest, ASnapshotIsReadBackAsItWasAndAnyDamagedByteIsNoticed) {
  start();
  connect();
  create("/a", "x", CreateMode::kPersistent, {Acl{perms::kRead, "digest", "u:h"}});
  create("/a2", std::nullopt, CreateMode::kEphemeral);
  DataTree tree;
  static_cast<void>(tree.apply({{7, 0, 1, 9, jute::kCreateSession}, jute::CreateSessionTxn{6000}}));
  static_cast<void>(
      tree.apply({{7, 1, 2, 9, jute::kCreate}, jute::CreateTxn{"/a", "x", open_acl(), true, 1, -1}}));
  const std::vector<uint8_t> bytes = encode_snapshot(tree);
  DataTree read;
  ASSERT_TRUE(decode_snapshot(bytes, "s", read).ok());
  EXPECT_EQ(encode_snapshot(read), bytes);
  EXPECT_EQ(read.sessions(), tree.sessions());
  EXPECT_EQ(read.ephemerals(), tree.ephemerals());
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::vector<uint8_t> damaged = bytes;
    damaged[i] ^= 0x11;
    // Bytes 4 to 16 of the header say nothing that is looked at before the checksum.
    DataTree target;
    EXPECT_FALSE(decode_snapshot(damaged, "s", target).ok()) << i;
    DataTree cut;
    EXPECT_FALSE(decode_snapshot(Bytes(bytes).first(i), "s", cut).ok()) << i;
  }
}

TEST_F(StoreTest, SnapshotsMayBeCompressedAndThoseInSnappyAreRefused) {
  config.snap_count = 20;
  config.compress_snapshots = true;
  config.purge_interval_hours = 1;
  start();
  connect();
  for (int i = 0; i < 150; ++i) create("/n" + std::to_string(i), std::string(100, 'x'));
  loop.advance(3'600'000);
  const auto snapshots = *list_snapshots(files, "/data/version-2");
  EXPECT_EQ(snapshots.size(), 3u);
  EXPECT_THAT(snapshots.back().name, ::testing::EndsWith(".gz"));
  crash_and_start();
  connect();
  for (int i = 0; i < 150; ++i) EXPECT_TRUE(exists("/n" + std::to_string(i)).ok());
  stop();
  files.kill();
  for (const auto& snapshot : snapshots) {
    const std::string path = "/data/version-2/" + snapshot.name;
    ASSERT_TRUE(files.rename(path, path.substr(0, path.size() - 3) + ".snappy").ok());
  }
  const Status refused = try_start();
  EXPECT_FALSE(refused.ok());
  EXPECT_THAT(refused.message(), HasSubstr("snappy, which is not read here"));
}

TEST_F(StoreTest, ALogOfItsLargestSizeIsFollowedByTheNext) {
  config.log_size_limit_bytes = 1000;
  config.preallocate_bytes = 4096;
  start();
  connect();
  for (int i = 0; i < 50; ++i) create("/n" + std::to_string(i), std::string(100, 'x'));
  EXPECT_GT(list_zxids(files, "/data/version-2", "log")->size(), 3u);
  kill_and_start();
  connect();
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(exists("/n" + std::to_string(i)).ok()) << i;
}

TEST_F(StoreTest, ADirectoryThatMustBeThereIsNotMade) {
  config.create_directories = false;
  const Status refused = try_start();
  EXPECT_FALSE(refused.ok());
  EXPECT_THAT(refused.message(), HasSubstr("datadir.autocreate=false"));
}

TEST_F(StoreTest, ALogThatCannotBeWrittenStopsTheServerAndAnswersNobody) {
  start();
  connect();
  WireClient wire(*server);
  wire.hello();
  loop.run_pending();
  wire.take_hello();
  files.fail_call(Call::kSync, 1, EIO);
  wire.create("/a");
  loop.run_pending();
  EXPECT_TRUE(wire.peer.received.empty());
  EXPECT_TRUE(wire.peer.closed);
  EXPECT_EQ(failure.error_number(), EIO);
  EXPECT_FALSE(client->connected());
  wire.connection.reset();
}

TEST_F(StoreTest, ASnapshotThatCannotBeWrittenIsNoDisaster) {
  config.snap_count = 10;
  start();
  connect();
  files.fail_call(Call::kRename, 1, ENOSPC);
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(create("/n" + std::to_string(i)).ok());
  EXPECT_TRUE(failure.ok());
  crash_and_start();
  connect();
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(exists("/n" + std::to_string(i)).ok());
}

TEST_F(StoreTest, WithoutForceSyncNothingIsSyncedAndAKilledProcessLosesNothing) {
  config.force_sync = false;
  start();
  connect();
  create("/a");
  EXPECT_EQ(server->sync_count(), 0);
  kill_and_start();
  connect();
  EXPECT_TRUE(exists("/a").ok());
}

TEST_F(StoreTest, TwoServersDoNotShareADirectory) {
  start();
  const auto second = Server::open(loop, files, config);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.status().message(), HasSubstr("another coordination server"));
}

TEST_F(StoreTest, LogsAndSnapshotsMayLieApart) {
  config.data_log_dir = "/logs";
  start();
  connect();
  create("/a");
  EXPECT_EQ(list_zxids(files, "/logs/version-2", "log")->size(), 1u);
  EXPECT_EQ(list_zxids(files, "/data/version-2", "snapshot")->size(), 1u);
  kill_and_start();
  connect();
  EXPECT_TRUE(exists("/a").ok());
  stop();
  files.kill();
  // Pointed at the wrong place, logs without their snapshot are noticed.
  config.data_dir = "/elsewhere";
  ASSERT_TRUE(files.remove_file("/logs/version-2/log.1").ok());
  const Status refused = try_start();
  EXPECT_FALSE(refused.ok());
  EXPECT_THAT(refused.message(), HasSubstr("Check dataDir and dataLogDir"));
}

TEST_F(StoreTest, AShutdownWritesWhatWasTakenAndThenIsDone) {
  start();
  connect();
  loop.hold = true;
  bool made = false, stopped = false;
  client->create("/a", "", open_acl(), CreateMode::kPersistent,
                 [&](const CreateReply& reply) { made = reply.ok(); });
  loop.run_pending();
  server->shutdown([&] { stopped = true; });
  loop.run_pending();
  EXPECT_FALSE(stopped);
  loop.step();
  EXPECT_TRUE(made);
  EXPECT_TRUE(stopped);
  loop.hold = false;
  kill_and_start();
  connect();
  EXPECT_TRUE(exists("/a").ok());
  stopped = false;
  server->shutdown([&] { stopped = true; });
  loop.run_pending();
  EXPECT_TRUE(stopped) << "with nothing to write, at once";
}

}  // namespace
}  // namespace ottla::coordination
