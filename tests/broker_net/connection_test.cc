// SPDX-License-Identifier: Apache-2.0
#include "broker/net/connection.h"

#include <atomic>
#include <map>
#include <thread>

#include "tests/broker_net/loop_fixture.h"

namespace ottla::net {
namespace {

class TempFile : public ReadableFile {
 public:
  explicit TempFile(std::string_view contents) : file_(std::tmpfile()) {
    std::fwrite(contents.data(), 1, contents.size(), file_);
    std::fflush(file_);
  }
  ~TempFile() override { std::fclose(file_); }
  int descriptor() const override { return fileno(file_); }
  ssize_t read_at(std::span<uint8_t> out, uint64_t position) const override {
    return ::pread(fileno(file_), out.data(), out.size(), static_cast<off_t>(position));
  }

 private:
  std::FILE* file_;
};

// A server whose sink records requests and answers when the test says so, and a plain blocking client on the
// same thread.
class ConnectionTest : public LoopTest, public RequestSink {
 protected:
  void SetUp() override {
    listener_ = listen();
    listener_->start([this](std::shared_ptr<Socket> socket) {
      connection_ = std::make_shared<Connection>(std::move(socket), 1, 1 << 20, *this);
      connection_->start();
    });
    client_ = connect(listener_->port());
    run_until([this] { return connection_ != nullptr; });
  }
  void TearDown() override {
    if (connection_) connection_->close();
    connection_ = nullptr;
    listener_ = nullptr;
  }
  void on_request(const std::shared_ptr<Connection>&, uint64_t slot, std::span<uint8_t> frame) override {
    requests_.emplace_back(frame.begin(), frame.end());
    slots_.push_back(slot);
    if (answer_at_once_) answer(slot, requests_.back());
  }
  void on_connection_closed(const std::shared_ptr<Connection>&) override { closed_ = true; }

  void answer(uint64_t slot, const std::string& text) {
    Writer& writer = connection_->begin_response(slot);
    const size_t frame = writer.begin_frame();
    writer.raw({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    writer.end_frame(frame);
    connection_->finish_response(slot);
  }
  void send_text(const std::string& bytes) { LoopTest::send_text(client_, bytes); }
  static std::string frame(const std::string& body) {
    const auto size = static_cast<uint32_t>(body.size());
    std::string out;
    for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(size >> shift));
    return out + body;
  }
  std::string receive(size_t count) { return LoopTest::receive(client_, count); }

  std::unique_ptr<Listener> listener_;
  std::shared_ptr<Connection> connection_;
  int client_ = -1;
  std::vector<std::string> requests_;
  std::vector<uint64_t> slots_;
  bool answer_at_once_ = false;
  bool closed_ = false;
};

TEST_F(ConnectionTest, FramesInOneReadAreHandledInOrder) {
  send_text(frame("a") + frame("bb") + frame(""));
  run_until([&] { return requests_.size() == 3; });
  EXPECT_EQ(requests_, (std::vector<std::string>{"a", "bb", ""}));
}

TEST_F(ConnectionTest, AFrameThatArrivesByteByByteIsWhole) {
  const std::string bytes = frame("hello") + frame("again");
  for (const char c : bytes) {
    send_text(std::string(1, c));
    run_until([] { return true; });
  }
  run_until([&] { return requests_.size() == 2; });
  EXPECT_EQ(requests_, (std::vector<std::string>{"hello", "again"}));
}

TEST_F(ConnectionTest, AFrameLargerThanTheReadBufferIsWhole) {
  const std::string body(700'000, 'x');
  std::string bytes = frame(body);
  size_t sent = 0;
  run_until([&] {
    if (sent < bytes.size()) {
      const ssize_t n = ::send(client_, bytes.data() + sent, bytes.size() - sent, MSG_DONTWAIT);
      if (n > 0) sent += static_cast<size_t>(n);
    }
    return !requests_.empty();
  });
  EXPECT_EQ(requests_.at(0), body);
}

TEST_F(ConnectionTest, AnswersLeaveInTheOrderOfTheirRequests) {
  send_text(frame("1") + frame("2") + frame("3"));
  run_until([&] { return requests_.size() == 3; });
  answer(slots_[2], "C");
  answer(slots_[0], "A");
  connection_->skip_response(slots_[1]);
  EXPECT_EQ(receive(10), frame("A") + frame("C"));
}

TEST_F(ConnectionTest, ANegativeLengthClosesTheConnection) {
  send_text("\xff\xff\xff\xf0zzzz");
  run_until([&] { return closed_; });
  EXPECT_TRUE(requests_.empty());
}

TEST_F(ConnectionTest, ALengthBeyondTheLimitClosesTheConnection) {
  send_text(std::string("\x7f\xff\xff\xff", 4));
  run_until([&] { return closed_; });
}

TEST_F(ConnectionTest, AnHttpRequestClosesTheConnection) {
  send_text("GET / HTTP/1.1\r\n\r\n");
  run_until([&] { return closed_; });
}

TEST_F(ConnectionTest, AClientThatNeverReadsIsNotReadEither) {
  answer_at_once_ = false;
  std::string burst;
  for (size_t i = 0; i < Connection::kMaxOpenRequests + 500; ++i) burst += frame("q");
  send_text(burst);
  run_until([&] { return requests_.size() >= Connection::kMaxOpenRequests; });
  for (int i = 0; i < 5; ++i) run_until([] { return true; });
  EXPECT_EQ(requests_.size(), Connection::kMaxOpenRequests);
  answer_at_once_ = true;
  for (size_t i = 0; i < Connection::kMaxOpenRequests; ++i) answer(slots_[i], "r");
  run_until([&] { return requests_.size() == Connection::kMaxOpenRequests + 500; });
}

TEST_F(ConnectionTest, AnswersThatWaitForAnOlderOneCountAsUnsent) {
  send_text(frame("slow") + frame("1") + frame("2") + frame("3"));
  run_until([&] { return requests_.size() == 4; });
  answer(slots_[2], std::string(Connection::kMaxUnsentBytes, 'x'));
  send_text(frame("4"));
  for (int i = 0; i < 5; ++i) run_until([] { return true; });
  EXPECT_EQ(requests_.size(), 4u);
  answer(slots_[0], "A");
  answer(slots_[1], "B");
  EXPECT_EQ(receive(10), frame("A") + frame("B"));
  EXPECT_EQ(receive(4 + Connection::kMaxUnsentBytes).size(), 4 + Connection::kMaxUnsentBytes);
  run_until([&] { return requests_.size() == 5; });
}

TEST_F(ConnectionTest, APeerThatNeverReadsAllDoesNotMakeTheBufferGrow) {
  send_text(frame("x"));
  run_until([&] { return requests_.size() == 1; });
  // Something is unsent all the time: the kernel takes less than this.
  const std::string piece(1024 * 1024, 'x');
  const auto say = [&] {
    answer(slots_.back(), piece);
    send_text(frame("x"));
    const size_t seen = requests_.size();
    run_until([&] { return requests_.size() > seen; });
  };
  for (int i = 0; i < 3; ++i) say();
  for (int i = 0; i < 60; ++i) {
    say();
    EXPECT_EQ(receive(piece.size()).size(), piece.size());
  }
  EXPECT_LT(connection_->output_capacity(), 16u * 1024 * 1024);
}

TEST_F(ConnectionTest, AFileSliceIsSentBetweenTheBytesAroundIt) {
  send_text(frame("x"));
  run_until([&] { return requests_.size() == 1; });
  Writer& writer = connection_->begin_response(slots_[0]);
  const size_t mark = writer.begin_frame();
  writer.int8('<');
  writer.splice({std::make_shared<TempFile>("0123456789"), 2, 5});
  writer.int8('>');
  writer.end_frame(mark);
  connection_->finish_response(slots_[0]);
  EXPECT_EQ(receive(11), frame("<23456>"));
}

TEST_F(ConnectionTest, OfALargeFileATurnSendsHalfAMebibyteSoThatOthersGetTheirTurns) {
  constexpr uint32_t kBytes = 8 << 20;
  send_text(frame("x"));
  run_until([&] { return requests_.size() == 1; });
  // Reads all the while, so that the kernel takes whatever the socket gives it.
  std::atomic<size_t> received = 0;
  std::thread reader([&] {
    std::vector<char> buffer(1 << 20);
    for (ssize_t got = 1; got > 0; received += static_cast<size_t>(std::max<ssize_t>(got, 0)))
      got = ::recv(client_, buffer.data(), buffer.size(), 0);
  });
  // Of each of its turns, what it found sent by then; the last turn has the rest.
  std::vector<size_t> seen;
  std::function<void()> look = [&] {
    seen.push_back(received);
    if (received < kBytes + 4) return loop_.post(look);
    loop_.stop();
  };
  loop_.post([&] {
    Writer& writer = connection_->begin_response(slots_[0]);
    const size_t mark = writer.begin_frame();
    writer.splice({std::make_shared<TempFile>(std::string(kBytes, 'f')), 0, kBytes});
    writer.end_frame(mark);
    connection_->finish_response(slots_[0]);
    loop_.post(look);
  });
  loop_.run();
  EXPECT_LE(seen.front(), 512u * 1024 + 4);
  EXPECT_GE(seen.size(), kBytes / (512u * 1024));
  ::shutdown(client_, SHUT_RDWR);
  reader.join();
}

}  // namespace
}  // namespace ottla::net
