// SPDX-License-Identifier: Apache-2.0
#include "broker/net/tls_tunnel.h"

#include <gmock/gmock.h>

#include "tests/broker_net/loop_fixture.h"
#include "tests/tls/certificates.h"

namespace ottla::net {
namespace {

// A TLS server that sends back what it gets, and a tunnel that leads to it.
class TlsTunnelTest : public LoopTest {
 protected:
  class Echo : public SocketHandler {
   public:
    explicit Echo(std::shared_ptr<Socket> mine) : socket(std::move(mine)) { socket->start(*this); }
    void on_bytes(std::span<uint8_t> bytes) override {
      socket->output().raw(bytes);
      socket->mark_dirty();
    }
    void on_secured(const std::string& name) override { peer_name = name; }
    void on_closed() override { closed = true; }

    std::shared_ptr<Socket> socket;
    std::string peer_name;
    bool closed = false;
  };

  TlsTunnelTest() : server_(listen()) {
    tls::Settings settings;
    settings.key_store = {folder_.write("server.pem", server_certificate_.pem()), "", ""};
    settings.trust_store = {folder_.write("authority.pem", authority_.certificate_pem()), "", ""};
    auto context = tls::Context::for_server(settings);
    EXPECT_TRUE(context.ok()) << context.status().message();
    server_->start([this, context = *context](std::shared_ptr<Socket> socket) {
      socket->secure(context->accept());
      echoes_.push_back(std::make_unique<Echo>(std::move(socket)));
    });
  }
  ~TlsTunnelTest() override {
    tunnel_.reset();
    for (const auto& echo : echoes_) echo->socket->close();
    run_until([] { return true; });
  }
  // To the server under this name; its port.
  int open(const std::string& host, bool with_key = true) {
    tls::Settings settings;
    if (with_key) settings.key_store = {folder_.write("client.pem", client_certificate_.pem()), "", ""};
    settings.trust_store = {folder_.write("authority.pem", authority_.certificate_pem()), "", ""};
    auto context = tls::Context::for_client(settings);
    EXPECT_TRUE(context.ok()) << context.status().message();
    auto opened = TlsTunnel::open(list_, *context, {{host, server_->port()}});
    EXPECT_TRUE(opened.ok()) << opened.status().message();
    tunnel_ = std::move(*opened);
    return tunnel_->ports().at(0);
  }

  tls::TestFolder folder_;
  tls::TestCertificate authority_{"CN=authority"};
  tls::TestCertificate server_certificate_{"CN=server", "localhost", &authority_};
  tls::TestCertificate client_certificate_{"CN=client", "", &authority_};
  std::unique_ptr<Listener> server_;
  std::vector<std::unique_ptr<Echo>> echoes_;
  std::unique_ptr<TlsTunnel> tunnel_;
};

TEST_F(TlsTunnelTest, BytesGoBothWaysAndTheServerKnowsWhoseTheyAre) {
  const int client = connect(open("localhost"));
  const std::string much(300'000, 'x');
  send_text(client, "hello");
  EXPECT_EQ(receive(client, 5), "hello");
  EXPECT_EQ(echoes_.at(0)->peer_name, "CN=client");
  send_text(client, much);
  EXPECT_EQ(receive(client, much.size()), much);
  EXPECT_EQ(tunnel_->size(), 1u);
}

TEST_F(TlsTunnelTest, TheEndOfEitherSideIsTheEndOfBoth) {
  const int port = open("localhost");
  const int first = connect(port);
  send_text(first, "a");
  EXPECT_EQ(receive(first, 1), "a");
  ::shutdown(first, SHUT_RDWR);
  run_until([this] { return echoes_.at(0)->closed; });
  const int second = connect(port);
  send_text(second, "b");
  EXPECT_EQ(receive(second, 1), "b");
  echoes_.at(1)->socket->close();
  run_until([&] { return is_closed(second); });
  EXPECT_EQ(tunnel_->size(), 0u);
}

TEST_F(TlsTunnelTest, AServerOfAnotherNameIsNotTalkedTo) {
  const int client = connect(open("127.0.0.1"));
  send_text(client, "secret");
  run_until([&] { return is_closed(client); });
  EXPECT_TRUE(echoes_.empty() || echoes_.at(0)->peer_name.empty());
}

TEST_F(TlsTunnelTest, AServerThatAsksForAKeyRefusesWhoHasNone) {
  const int client = connect(open("localhost", false));
  send_text(client, "hello");
  run_until([&] { return is_closed(client); });
}

TEST_F(TlsTunnelTest, WhatCannotBeReachedClosesTheConnection) {
  server_->close();
  const int late = connect(open("localhost"));
  run_until([&] { return is_closed(late); });
}

TEST_F(TlsTunnelTest, AConnectionsOwnerIsFoundByItsPorts) {
  const int port = open("localhost");
  const int client = connect(port);
  sockaddr_in mine{};
  socklen_t size = sizeof mine;
  ASSERT_EQ(::getsockname(client, reinterpret_cast<sockaddr*>(&mine), &size), 0);
  EXPECT_EQ(user_of_local_connection(ntohs(mine.sin_port), port), ::geteuid());
  EXPECT_EQ(user_of_local_connection(ntohs(mine.sin_port), 1), std::nullopt);
}

}  // namespace
}  // namespace ottla::net
