// SPDX-License-Identifier: Apache-2.0
// What comes to the coordination port: frames of jute records, from the connect request on. The server lives
// in memory; a second client must be served whatever the first one sent.
#include "coordination/jute/records.h"
#include "coordination/server/server.h"
#include "protocol/base/log.h"
#include "protocol/base/manual_loop.h"
#include "storage/io/faulty_file_system.h"

namespace ottla::coordination {
namespace {

class Peer : public ConnectionSink {
 public:
  void send(Bytes bytes) override { received += bytes.size(); }
  void close() override { closed = true; }
  void pause_reading() override {}
  void resume_reading() override {}
  size_t received = 0;
  bool closed = false;
};

void send_frame(ServerConnection& connection, const Writer& body) {
  Writer frame;
  const size_t mark = frame.begin_frame();
  frame.raw(body.buffer());
  frame.end_frame(mark);
  connection.on_bytes(frame.buffer());
}

void greet(ServerConnection& connection) {
  Writer body;
  jute::ConnectRequest{0, 0, 6000, 0, std::string(16, '\0'), false}.encode(body);
  send_frame(connection, body);
}

void take(Bytes bytes) {
  storage::FaultyFileSystem files;
  ManualLoop loop;
  ServerConfig config;
  config.data_dir = "/data";
  config.four_letter_words = {"*"};
  auto server = Server::open(loop, files, config);
  OTTLA_CHECK(server.ok());
  Peer hostile;
  Peer bystander;
  auto attacker = (*server)->accept(hostile, "127.0.0.1:40000");
  auto other = (*server)->accept(bystander, "127.0.0.1:40001");
  if (!bytes.empty() && (bytes[0] & 1) != 0) greet(*attacker);
  if (!bytes.empty()) attacker->on_bytes(bytes.subspan(1));
  loop.run_pending();
  greet(*other);
  loop.run_pending();
  OTTLA_CHECK(bystander.received > 0 && !bystander.closed);
  attacker.reset();
  other.reset();
  loop.run_pending();
  server->reset();
  loop.run_pending();
}

}  // namespace
}  // namespace ottla::coordination

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool quiet = (ottla::set_log_level(ottla::LogLevel::kError), true);
  static_cast<void>(quiet);
  ottla::coordination::take({data, size});
  return 0;
}
