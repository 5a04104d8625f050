// SPDX-License-Identifier: Apache-2.0
// Pages of code and constants that only the start touched.
#pragma once

#include <cstddef>

namespace ottla {

// Takes the pages of code and constants of the program and its libraries out of this process' memory, those
// that are as their files have them: whatever is used again is mapped again when it is touched, mostly from
// the page cache (some microseconds for 64 KiB). What is left is what is used. Any thread. The bytes of
// address space that were gone over.
size_t let_go_of_code();

}  // namespace ottla
