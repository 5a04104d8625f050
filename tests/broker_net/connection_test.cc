// SPDX-License-Identifier: Apache-2.0
#include "broker/net/connection.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>

#include "broker/net/listener.h"
#include "broker/net/uv_loop.h"

namespace ottla::net {
namespace {

// A server whose sink records requests and answers when the test says so, and a plain blocking client on the
// same thread.
class ConnectionTest : public ::testing::Test, public RequestSink {
 protected:
  void SetUp() override {
    auto opened = Listener::open(list_, "127.0.0.1", 0);
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    listener_ = std::move(*opened);
    listener_->start([this](std::shared_ptr<Socket> socket) {
      connection_ = std::make_shared<Connection>(std::move(socket), 1, 1 << 20, *this);
      connection_->start();
    });
    client_ = connect_client();
    run_until([this] { return connection_ != nullptr; });
  }
  void TearDown() override {
    ::close(client_);
    if (connection_) connection_->close();
    connection_ = nullptr;
    listener_ = nullptr;
  }
  int connect_client() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(listener_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
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
  // Runs the loop until `done`, at most five seconds.
  void run_until(std::function<bool()> done) {
    auto poll = loop_.make_timer([] {});
    bool late = false;
    auto deadline = loop_.make_timer([&] {
      late = true;
      loop_.stop();
    });
    std::function<void()> check = [&] {
      if (done()) {
        loop_.stop();
      } else {
        poll->start(1);
      }
    };
    poll = loop_.make_timer([&] { check(); });
    poll->start(0);
    deadline->start(5000);
    loop_.run();
    EXPECT_FALSE(late) << "waited five seconds in vain";
  }
  void send_text(const std::string& bytes) {
    ASSERT_EQ(::send(client_, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  static std::string frame(const std::string& body) {
    const auto size = static_cast<uint32_t>(body.size());
    std::string out;
    for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(size >> shift));
    return out + body;
  }
  std::string receive(size_t count) {
    std::string out;
    run_until([&] {
      char buffer[4096];
      const ssize_t got = ::recv(client_, buffer, std::min(sizeof buffer, count - out.size()), MSG_DONTWAIT);
      if (got > 0) out.append(buffer, static_cast<size_t>(got));
      return out.size() == count;
    });
    return out;
  }

  UvLoop loop_;
  FlushList list_{loop_};
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
  class TempFile : public ReadableFile {
   public:
    TempFile() : file_(std::tmpfile()) {
      std::fputs("0123456789", file_);
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
  send_text(frame("x"));
  run_until([&] { return requests_.size() == 1; });
  Writer& writer = connection_->begin_response(slots_[0]);
  const size_t mark = writer.begin_frame();
  writer.int8('<');
  writer.splice({std::make_shared<TempFile>(), 2, 5});
  writer.int8('>');
  writer.end_frame(mark);
  connection_->finish_response(slots_[0]);
  EXPECT_EQ(receive(11), frame("<23456>"));
}

}  // namespace
}  // namespace ottla::net
