// SPDX-License-Identifier: Apache-2.0
#include "broker/program/daemon.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace ottla {

Status go_to_background(const std::string& directory, const std::string& file_name) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  const std::string path = directory + "/" + file_name;
  const int output = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (output < 0)
    return Status::from_errno(
        errno, "cannot write the log of -daemon to " + path + " (LOG_DIR names its directory)");
  const pid_t child = ::fork();
  if (child < 0) return Status::from_errno(errno, "cannot go to the background: fork");
  if (child > 0) std::_Exit(0);
  ::setsid();
  const int input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::close(input);
  ::close(output);
  return {};
}

}  // namespace ottla
