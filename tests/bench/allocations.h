// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

// How often the program asked for memory so far.
size_t allocations_so_far();
