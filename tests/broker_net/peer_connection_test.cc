// SPDX-License-Identifier: Apache-2.0
#include "broker/net/peer_connection.h"

#include <gmock/gmock.h>

#include "broker/net/connection.h"
#include "tests/broker_net/loop_fixture.h"

namespace ottla::net {
namespace {

using protocol::ApiKey;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Another broker that keeps what it is asked, and answers when the test says so.
class PeerConnectionTest : public LoopTest, public RequestSink {
 protected:
  PeerConnectionTest() : port_(listen()), peers_(list_, "this-broker") {
    port_->start([this](std::shared_ptr<Socket> socket) {
      connection_ = std::make_shared<Connection>(std::move(socket), 1, 1 << 20, *this);
      connection_->start();
    });
  }
  ~PeerConnectionTest() override {
    peer_.reset();
    if (connection_) connection_->close();
    run_until([] { return true; });
  }
  void on_request(const std::shared_ptr<Connection>&, uint64_t slot, std::span<uint8_t> frame) override {
    Reader reader(frame);
    const int16_t key = reader.int16();
    const int16_t version = reader.int16();
    ids_.push_back(reader.int32());
    EXPECT_EQ(reader.nullable_string(), "this-broker");
    if (version >= 4) {
      EXPECT_EQ(reader.unsigned_varint(), 0u) << "tagged fields of the header";
    }
    asked_.push_back(std::to_string(key) + " v" + std::to_string(version) + " " +
                     std::to_string(reader.int32()));
    slots_.push_back(slot);
  }
  void on_connection_closed(const std::shared_ptr<Connection>&) override { closed_ = true; }

  void connect(int port, int64_t timeout_ms = 5000) {
    peer_ = peers_.connect({"PLAINTEXT", "PLAINTEXT", "127.0.0.1", port}, timeout_ms,
                           [this](const Status& why) { broken_ = why.message(); });
  }
  void ask(ApiKey key, int16_t version, int32_t number) {
    peer_->send(
        key, version, [number](Writer& out) { out.int32(number); },
        [this](Reader& body) { answers_.push_back(body.int32()); });
  }
  void answer(size_t which, int32_t number, bool tagged) {
    Writer& out = connection_->begin_response(slots_[which]);
    const size_t frame = out.begin_frame();
    out.int32(ids_[which]);
    if (tagged) out.unsigned_varint(0);
    out.int32(number);
    out.end_frame(frame);
    connection_->finish_response(slots_[which]);
  }

  std::unique_ptr<Listener> port_;
  PeerConnections peers_;
  std::shared_ptr<Connection> connection_;
  std::unique_ptr<Peer> peer_;
  std::vector<std::string> asked_;
  std::vector<int32_t> ids_;
  std::vector<uint64_t> slots_;
  std::vector<int32_t> answers_;
  std::string broken_;
  bool closed_ = false;
};

TEST_F(PeerConnectionTest, WhatIsSentBeforeTheConnectionIsThereGoesOutInOrder) {
  connect(port_->port());
  ask(ApiKey::kLeaderAndIsr, 5, 1);
  ask(ApiKey::kLeaderAndIsr, 1, 2);
  run_until([&] { return asked_.size() == 2; });
  EXPECT_THAT(asked_, ElementsAre("4 v5 1", "4 v1 2"));
  answer(0, 10, true);
  answer(1, 20, false);
  run_until([&] { return answers_.size() == 2; });
  EXPECT_THAT(answers_, ElementsAre(10, 20));
  ask(ApiKey::kLeaderAndIsr, 1, 3);
  run_until([&] { return asked_.size() == 3; });
  EXPECT_EQ(broken_, "");
}

TEST_F(PeerConnectionTest, WhereNobodyListensItBreaks) {
  const int port = port_->port();
  port_->close();
  connect(port);
  ask(ApiKey::kLeaderAndIsr, 5, 1);
  run_until([&] { return !broken_.empty(); });
  EXPECT_THAT(broken_, HasSubstr("the connection ended"));
  EXPECT_THAT(answers_, ElementsAre());
}

TEST_F(PeerConnectionTest, WhoeverNeverAnswersIsGivenUp) {
  connect(port_->port(), 50);
  ask(ApiKey::kLeaderAndIsr, 5, 1);
  run_until([&] { return !broken_.empty() && closed_; });
  EXPECT_THAT(broken_, HasSubstr("no answer within 50 ms"));
}

TEST_F(PeerConnectionTest, AnAnswerToNothingEndsIt) {
  connect(port_->port());
  ask(ApiKey::kLeaderAndIsr, 1, 1);
  run_until([&] { return asked_.size() == 1; });
  ids_[0] = 99;
  answer(0, 1, false);
  run_until([&] { return !broken_.empty(); });
  EXPECT_THAT(broken_, HasSubstr("belongs to no request"));
  EXPECT_THAT(answers_, ElementsAre());
}

TEST_F(PeerConnectionTest, OneThatIsLetGoSaysNothingMore) {
  connect(port_->port());
  ask(ApiKey::kLeaderAndIsr, 1, 1);
  run_until([&] { return asked_.size() == 1; });
  answer(0, 1, false);
  peer_.reset();
  run_until([&] { return closed_; });
  EXPECT_THAT(answers_, ElementsAre());
  EXPECT_EQ(broken_, "");
}

}  // namespace
}  // namespace ottla::net
