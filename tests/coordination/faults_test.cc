// SPDX-License-Identifier: Apache-2.0
// Rows D and E of the list of faults, for a standalone server; each test is named after its row, here and in
// the other files of this folder. Against real servers: D3 and D7 in
// compat/tests/broker_on_zookeeper_ensemble, E13, E14, E18 and E19 in differential.py, E19 under kill -9 in
// linearizability.py.
#include <cerrno>
#include <random>

#include "coordination/server/snapshot.h"
#include "coordination/server/store.h"
#include "coordination/server/txn_log.h"
#include "tests/coordination/support.h"

namespace ottla::coordination {
namespace {

using Call = storage::FaultyFileSystem::Call;
using ::testing::HasSubstr;

class CoordinationFaults : public ServerTest {
 protected:
  void begin() {
    start();
    connect();
  }
  std::string newest(const std::string& prefix) {
    const auto zxids = list_zxids(files, "/data/version-2", prefix);
    return zxids->empty() ? "" : "/data/version-2/" + name_of_zxid(prefix, zxids->back());
  }
  std::string word(const std::string& name) {
    WireClient wire(*server);
    wire.send_raw({reinterpret_cast<const uint8_t*>(name.data()), name.size()});
    return wire.peer.text();
  }
  // A tree as the directory gives it, in bytes. REQUIRES: stopped, with the directory's lock free.
  std::vector<uint8_t> tree_on_disk() {
    DataTree tree;
    auto store = Store::open(loop, files, config, tree);
    EXPECT_TRUE(store.ok()) << store.status().message();
    store->reset();
    files.kill();
    return encode_snapshot(tree);
  }
  // Everything that may happen to a node, over and over.
  void churn(int count, uint32_t seed) {
    std::mt19937 random(seed);
    const auto path = [&] { return "/c" + std::to_string(random() % 4) + (random() % 2 ? "/x" : ""); };
    for (int i = 0; i < count; ++i) {
      switch (random() % 6) {
        case 0:
        case 1:
          create(path(), "1",
                 random() % 3 == 0 ? CreateMode::kPersistentSequential : CreateMode::kPersistent);
          break;
        case 2:
          set(path(), std::string(random() % 20, 'x'));
          break;
        case 3:
          remove(path());
          break;
        case 4:
          multi({Op::create(path(), "m"), Op::set_data(path(), "n")});
          break;
        default:
          multi({Op::remove(path()), Op::create(path(), "again"),
                 Op::create("/c0/s-", "", open_acl(), CreateMode::kPersistentSequential)});
      }
    }
  }
  // A directory whose tree was made here, as if its last transaction was `zxid`.
  void lay_down(const DataTree& tree, int64_t zxid) {
    ASSERT_TRUE(files.make_directories("/data/version-2").ok());
    const std::string path = "/data/version-2/" + name_of_zxid("snapshot", zxid);
    ASSERT_TRUE((*files.open(path, true))->write_at(encode_snapshot(tree), 0).ok());
  }
};

TEST_F(CoordinationFaults, D9AnAnswerLargerThanARequestMayBeArrivesWhole) {
  begin();
  for (int i = 0; i < 10'000; ++i) {
    client->create("/" + std::string(450, 'n') + std::to_string(i), "", open_acl(), CreateMode::kPersistent,
                   [](const CreateReply&) {});
  }
  loop.run_pending();
  EXPECT_EQ(children("/").children.size(), 10'001u) << "4.5 MB: over jute.maxbuffer, which bounds requests";
}

TEST_F(CoordinationFaults, D12TheSessionOfAKilledProgramDoesNotStandInItsWay) {
  begin();
  create("/brokers", "");
  for (int life = 0; life < 5; ++life) {
    EXPECT_TRUE(create("/brokers/0", "", CreateMode::kEphemeral).ok()) << life;
    kill_and_start();
    connect();
  }
  EXPECT_EQ(exists("/brokers/0").error, ZkError::kNoNode);
}

TEST_F(CoordinationFaults, E1WhatWasAcknowledgedSurvivesAKillAtEveryWriteAndSync) {
  for (const Call call : {Call::kWrite, Call::kSync, Call::kSyncDirectory}) {
    for (int at = 1; at < 12; ++at) {
      files.crash();
      ASSERT_TRUE(files.remove_all("/data").ok());
      config.snap_count = 4;
      begin();
      WireClient wire(*server);
      wire.hello();
      loop.run_pending();
      wire.take_hello();
      files.fail_calls_from(call, at, EIO);
      std::vector<std::string> acknowledged;
      for (int i = 0; i < 10; ++i) {
        wire.create("/n" + std::to_string(i), "x");
        loop.run_pending();
        if (!wire.peer.received.empty() && wire.take_reply().error() == ZkError::kOk)
          acknowledged.push_back("/n" + std::to_string(i));
      }
      wire.connection.reset();
      files.clear_failures();
      crash_and_start(at);
      connect();
      for (const auto& path : acknowledged) EXPECT_TRUE(exists(path).ok()) << path << " of call " << at;
      stop();
    }
  }
}

TEST_F(CoordinationFaults, E4AnEmptyLastLogOrOneWithACutHeaderStarts) {
  for (const size_t left : {size_t{0}, size_t{1}, size_t{15}, size_t{16}}) {
    files.crash();
    ASSERT_TRUE(files.remove_all("/data").ok());
    begin();
    create("/a");
    kill_and_start();
    connect();
    create("/b");
    stop();
    files.kill();
    files.contents(newest("log")).resize(left);
    begin();
    EXPECT_TRUE(exists("/a").ok()) << left;
    EXPECT_EQ(exists("/b").error, ZkError::kNoNode) << left;
    EXPECT_TRUE(create("/c").ok()) << left;
    stop();
  }
}

TEST_F(CoordinationFaults, E5WithoutAnyReadableSnapshotItRefusesAndSaysSo) {
  config.snap_count = 20;
  begin();
  churn(60, 1);
  stop();
  files.kill();
  const auto snapshots = *list_snapshots(files, "/data/version-2");
  ASSERT_GE(snapshots.size(), 2u);
  for (const auto& snapshot : snapshots) files.contents("/data/version-2/" + snapshot.name).resize(20);
  const Status status = try_start();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr("no snapshot can be read"));
}

TEST_F(CoordinationFaults, E5LogsWithoutSnapshotsAreTakenOnlyWhereThatIsSaid) {
  begin();
  create("/a");
  kill_and_start();
  connect();
  create("/b");
  stop();
  files.kill();
  ASSERT_TRUE(files.remove_file("/data/version-2/snapshot.0").ok());
  ASSERT_TRUE(files.remove_file("/data/version-2/log.1").ok());
  const Status refused = try_start();
  EXPECT_THAT(refused.message(), HasSubstr("snapshot.trust.empty"));
  config.trust_empty_snapshot = true;
  begin();
  EXPECT_TRUE(exists("/b").ok());
}

TEST_F(CoordinationFaults, E6ASnapshotThatIsAheadOfItsNameIsReplayedToTheSameTree) {
  for (uint32_t seed = 1; seed <= 5; ++seed) {
    files.crash();
    ASSERT_TRUE(files.remove_all("/data").ok());
    begin();
    churn(120, seed);
    const int64_t last = server->last_zxid();
    stop();
    files.kill();
    const std::vector<uint8_t> whole = tree_on_disk();
    // ZooKeeper writes while it serves: the file has the name of its first zxid and the tree of a later
    // moment.
    for (const int64_t began : {last / 4, last / 2, last - 1}) {
      DataTree ahead;
      ASSERT_TRUE(decode_snapshot(whole, "whole", ahead).ok());
      lay_down(ahead, began);
      DataTree replayed;
      auto store = Store::open(loop, files, config, replayed);
      ASSERT_TRUE(store.ok());
      store->reset();
      files.kill();
      EXPECT_EQ(encode_snapshot(replayed), whole) << "seed " << seed << ", begun at " << began;
      ASSERT_TRUE(files.remove_file("/data/version-2/" + name_of_zxid("snapshot", began)).ok());
    }
  }
}

TEST_F(CoordinationFaults, E7TheTreeIsTheSameFromWhicheverFilesItComes) {
  config.snap_count = 25;
  begin();
  churn(200, 42);
  stop();
  files.kill();
  const std::vector<uint8_t> newest_first = tree_on_disk();
  auto snapshots = *list_snapshots(files, "/data/version-2");
  ASSERT_GE(snapshots.size(), 4u);
  while (snapshots.size() > 1) {
    ASSERT_TRUE(files.remove_file("/data/version-2/" + snapshots.back().name).ok());
    snapshots.pop_back();
    EXPECT_EQ(tree_on_disk(), newest_first) << snapshots.size() << " snapshots left";
  }
}

TEST_F(CoordinationFaults, E8AFullDiskAnswersNobodyAndLosesNothingThatWasAnswered) {
  begin();
  create("/before");
  WireClient wire(*server);
  wire.hello();
  loop.run_pending();
  wire.take_hello();
  files.fail_calls_from(Call::kWrite, 1, ENOSPC);
  wire.create("/lost");
  loop.run_pending();
  EXPECT_TRUE(wire.peer.received.empty());
  EXPECT_TRUE(wire.peer.closed);
  EXPECT_EQ(failure.error_number(), ENOSPC);
  wire.connection.reset();
  files.clear_failures();
  crash_and_start();
  connect();
  EXPECT_TRUE(exists("/before").ok());
  EXPECT_EQ(exists("/lost").error, ZkError::kNoNode);
}

TEST_F(CoordinationFaults, E8AFullDiskUnderASnapshotLeavesTheLogsAndNoBrokenFile) {
  config.snap_count = 10;
  begin();
  for (int i = 0; i < 5; ++i) create("/a" + std::to_string(i));
  files.fail_call(Call::kRename, 1, ENOSPC);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(create("/b" + std::to_string(i)).ok());
  EXPECT_TRUE(failure.ok());
  kill_and_start();
  connect();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(exists("/b" + std::to_string(i)).ok()) << i;
}

TEST_F(CoordinationFaults, E9AfterAnErrorOfTheDiskNothingMoreIsWrittenBehindTheHole) {
  begin();
  create("/before");
  files.fail_call(Call::kWrite, 1, EIO);
  client->create("/hole", "", open_acl(), CreateMode::kPersistent, [](const CreateReply&) {});
  loop.run_pending();
  EXPECT_EQ(failure.error_number(), EIO);
  const int writes = files.count(Call::kWrite);
  WireClient late(*server);
  late.hello();
  loop.run_pending();
  EXPECT_TRUE(late.peer.closed);
  EXPECT_EQ(files.count(Call::kWrite), writes);
  late.connection.reset();
  kill_and_start();
  connect();
  EXPECT_TRUE(exists("/before").ok());
  EXPECT_TRUE(create("/after").ok());
  kill_and_start();
}

TEST_F(CoordinationFaults, E10TheZxidGoesOnPastItsLowWord) {
  config.initial_zxid = 0xfffffff0;
  begin();
  std::vector<int64_t> zxids;
  for (int i = 0; i < 40; ++i) zxids.push_back(create("/n" + std::to_string(i)).stat.czxid);
  EXPECT_TRUE(std::is_sorted(zxids.begin(), zxids.end()));
  EXPECT_GT(zxids.back(), int64_t{1} << 32);
  crash_and_start();
  connect();
  for (int i = 0; i < 40; ++i)
    EXPECT_EQ(exists("/n" + std::to_string(i)).stat.czxid, zxids[static_cast<size_t>(i)]);
  EXPECT_GT(create("/more").stat.czxid, zxids.back());
}

TEST_F(CoordinationFaults, E11AClockThatJumpsExpiresNobody) {
  begin();
  WireClient wire(*server);
  wire.hello(6000);
  wire.create("/one", "", 1);
  wire.create("/two", "", 1);
  loop.run_pending();
  for (const int64_t hours : {1, -2, 48}) {
    loop.set_wall_ms(loop.wall_ms() + hours * 3'600'000);
    loop.advance(1000);
    EXPECT_TRUE(exists("/one").ok()) << hours;
  }
  wire.connection.reset();
  kill_and_start();
  connect();
  loop.advance(5000);
  EXPECT_TRUE(exists("/one").ok()) << "a restart gives a session its whole time again";
  loop.advance(5000);
  EXPECT_EQ(exists("/one").error, ZkError::kNoNode);
  EXPECT_EQ(exists("/two").error, ZkError::kNoNode) << "all in one transaction";
}

TEST_F(CoordinationFaults, E12NoEphemeralOutlivesItsSessionOverAKillAroundItsEnd) {
  for (int steps = 0; steps < 6; ++steps) {
    files.crash();
    ASSERT_TRUE(files.remove_all("/data").ok());
    begin();
    auto wire = std::make_unique<WireClient>(*server);
    wire->hello(6000);
    loop.run_pending();
    wire->take_hello();
    loop.hold = true;
    wire->create("/e", "", 1);
    loop.run_pending();
    if (steps > 0 && !loop.held.empty()) loop.step();
    wire->request(jute::kCloseSession, WireClient::Empty{});
    loop.run_pending();
    for (int i = 1; i < steps && !loop.held.empty(); ++i) loop.step();
    loop.hold = false;
    loop.held.clear();
    wire.reset();
    crash_and_start(static_cast<size_t>(steps) * 20);
    connect();
    loop.advance(20'000);
    EXPECT_EQ(exists("/e").error, ZkError::kNoNode) << steps;
    stop();
  }
}

TEST_F(CoordinationFaults, E15TenThousandMissedChangesAreToldAtOnceAndTheRestIsArmed) {
  begin();
  jute::SetWatchesRequest again;
  for (int i = 0; i < 10'000; ++i) again.data.push_back("/n" + std::to_string(i));
  for (int i = 0; i < 10'000; i += 2) create("/n" + std::to_string(i));
  again.relative_zxid = server->last_zxid();
  for (int i = 0; i < 10'000; i += 4) set("/n" + std::to_string(i), "x");
  WireClient wire(*server);
  wire.hello(40'000);
  loop.run_pending();
  wire.take_hello();
  struct Body {
    const jute::SetWatchesRequest& request;
    void encode(Writer& writer) const { request.encode(writer, false); }
  };
  wire.request(jute::kSetWatches, Body{again}, jute::kSetWatchesXid);
  loop.run_pending();
  for (int i = 0; i < 10'000; ++i) {
    if (i % 4 == 2) continue;
    const auto event = wire.take_event();
    ASSERT_EQ(event.path, "/n" + std::to_string(i));
    ASSERT_EQ(static_cast<EventType>(event.type),
              i % 2 == 0 ? EventType::kNodeDataChanged : EventType::kNodeDeleted);
  }
  EXPECT_EQ(wire.take_reply().header.xid, jute::kSetWatchesXid);
  EXPECT_THAT(word("wchs"), HasSubstr("Total watches:2500"));
}

TEST_F(CoordinationFaults, E16ExpiredSessionsLeaveNoWatches) {
  config.max_client_connections = 0;
  begin();
  for (int i = 0; i < 1000; ++i) {
    auto wire = std::make_unique<WireClient>(*server, "10.0.0.1:" + std::to_string(i));
    wire->hello(4000);
    wire->request(jute::kGetData, jute::PathWatchRequest{"/", true});
    wire->request(jute::kAddWatch, jute::PathVersionRequest{"/", 1});
    loop.run_pending();
    if (i % 2 == 0) continue;
    loop.advance(20);
  }
  loop.advance(20'000);
  EXPECT_THAT(word("wchs"), HasSubstr("Total watches:0"));
  EXPECT_THAT(word("mntr"), HasSubstr("zk_watch_count\t0\n"));
}

TEST_F(CoordinationFaults, E17ARecursiveWatchTellsNothingOfWhatItsOwnerMayNotRead) {
  begin();
  create("/r");
  WireClient wire(*server);
  wire.hello(40'000);
  wire.request(jute::kAddWatch, jute::PathVersionRequest{"/r", 1});
  loop.run_pending();
  wire.take_hello();
  wire.take_reply();
  create("/r/secret", "", CreateMode::kPersistent, {Acl{perms::kAll & ~perms::kRead, "world", "anyone"}});
  set("/r/secret", "changed");
  remove("/r/secret");
  create("/r/open");
  EXPECT_EQ(wire.take_event().path, "/r/open");
  EXPECT_TRUE(wire.peer.received.empty());
}

TEST_F(CoordinationFaults, E20SequenceNumbersPastTheLastInt) {
  DataTree tree;
  static_cast<void>(
      tree.apply({{0, 0, 1, 9, jute::kCreate}, jute::CreateTxn{"/q", "", open_acl(), false, 1, -1}}));
  static_cast<void>(tree.apply(
      {{0, 0, 2, 9, jute::kCreate}, jute::CreateTxn{"/q/x", "", open_acl(), false, INT32_MAX - 1, -1}}));
  lay_down(tree, 2);
  begin();
  const auto next = [&] { return create("/q/n-", "", CreateMode::kPersistentSequential); };
  EXPECT_EQ(next().path, "/q/n-2147483646");
  EXPECT_EQ(next().path, "/q/n-2147483647");
  EXPECT_EQ(next().error, ZkError::kNodeExists) << "ZooKeeper's counter does not pass its largest int";
  EXPECT_TRUE(create("/q/by-name").ok());
}

TEST_F(CoordinationFaults, E24HeavyWordsAreOffUnlessListed) {
  config.four_letter_words = ServerConfig().four_letter_words;
  begin();
  for (const char* name :
       {"wchp", "wchc", "wchs", "dump", "mntr", "cons", "stat", "conf", "envi", "dirs", "crst", "srst"})
    EXPECT_THAT(word(name), HasSubstr("not in the whitelist")) << name;
  EXPECT_THAT(word("srvr"), HasSubstr("Mode: standalone"));
}

}  // namespace
}  // namespace ottla::coordination
