// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/sha1.h"

#include <sys/types.h>

#include <sha1.h>

namespace ottla::coordination {

std::array<uint8_t, 20> sha1(std::string_view text) {
  SHA1_CTX context;
  std::array<uint8_t, 20> digest{};
  SHA1Init(&context);
  SHA1Update(&context, reinterpret_cast<const uint8_t*>(text.data()), text.size());
  SHA1Final(digest.data(), &context);
  return digest;
}

}  // namespace ottla::coordination
