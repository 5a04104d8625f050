/* SPDX-License-Identifier: Apache-2.0 */
#include "../src/rd.h"
