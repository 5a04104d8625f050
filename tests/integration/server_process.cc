// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace ottla::test {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kDeadline = std::chrono::seconds(10);

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = std::filesystem::temp_directory_path() / "ottla-test-XXXXXX";
  path_ = ::mkdtemp(pattern.data());
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

ServerProcess::ServerProcess(const std::string& program, const std::vector<std::string>& arguments,
                             std::string log_path)
    : log_path_(std::move(log_path)) {
  int output[2];
  if (::pipe2(output, O_CLOEXEC) != 0) return;
  const int log = ::open(log_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(output[1], STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    std::vector<char*> argv = {const_cast<char*>(program.c_str())};
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::execv(program.c_str(), argv.data());
    ::_exit(127);
  }
  ::close(output[1]);
  ::close(log);
  ready_ = wait_ready(output[0]);
  ::close(output[0]);
}

ServerProcess::~ServerProcess() { kill_hard(); }

bool ServerProcess::wait_ready(int output) {
  const auto deadline = Clock::now() + kDeadline;
  std::string text;
  while (text.find('\n') == std::string::npos) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd wait{output, POLLIN, 0};
    if (left <= 0 || ::poll(&wait, 1, static_cast<int>(left)) <= 0) return false;
    char buffer[512];
    const ssize_t count = ::read(output, buffer, sizeof buffer);
    if (count <= 0) return false;
    text.append(buffer, static_cast<size_t>(count));
  }
  std::istringstream words(text);
  std::string word;
  words >> word;
  if (word != "ready") return false;
  while (words >> word) {
    const size_t equals = word.find('=');
    if (equals != std::string::npos) addresses_[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return true;
}

std::string ServerProcess::address(const std::string& name) const {
  const auto found = addresses_.find(name);
  return found == addresses_.end() ? "" : found->second;
}

void ServerProcess::kill_hard() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

int ServerProcess::stop() {
  if (pid_ <= 0) return -1;
  ::kill(pid_, SIGTERM);
  const auto deadline = Clock::now() + kDeadline;
  int status = 0;
  while (Clock::now() < deadline) {
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    // waitpid has no deadline of its own.
    ::poll(nullptr, 0, 5);
  }
  return -1;
}

std::string ServerProcess::log() const {
  std::ifstream file(log_path_);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace ottla::test
