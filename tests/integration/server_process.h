// SPDX-License-Identifier: Apache-2.0
// The real program as a child process, on free ports and directories of its own.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace ottla::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class ServerProcess {
 public:
  // `program` with `arguments`; its log goes to `log_path`. Waits at most ten seconds for the `ready` line;
  // ready() tells.
  ServerProcess(const std::string& program, const std::vector<std::string>& arguments, std::string log_path);
  // kill -9, if it still runs.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;

  bool ready() const { return ready_; }
  // Of the `ready` line: kafka, zookeeper.
  std::string address(const std::string& name) const;
  pid_t pid() const { return pid_; }
  void kill_hard();
  // SIGTERM; the exit code, -1 where it did not end within ten seconds.
  int stop();
  std::string log() const;

 private:
  bool wait_ready(int output);

  pid_t pid_ = -1;
  std::string log_path_;
  std::map<std::string, std::string> addresses_;
  bool ready_ = false;
};

}  // namespace ottla::test
