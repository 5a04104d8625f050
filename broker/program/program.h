// SPDX-License-Identifier: Apache-2.0
// Runs one of the three servers until it is told to stop.
#pragma once

#include "broker/program/command_line.h"

namespace ottla {

// Returns the exit code. Prints `ready kafka=... zookeeper=...` on standard output when it serves. SIGTERM
// and SIGINT stop it cleanly; a second one ends it at once.
int run_program(const CommandLine& command_line);

}  // namespace ottla
