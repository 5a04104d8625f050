// SPDX-License-Identifier: Apache-2.0
// What a node's ephemeralOwner says (org.apache.zookeeper.server.EphemeralType): a session, or, in values
// that no session has, a container or a time to live.
//   0                      a plain node
//   0x8000000000000000     a container
//   0xff00 00 <40 bits>    a time to live in milliseconds, only where zookeeper.extendedTypesEnabled is on
//   anything else          the session
// ZooKeeper 3.5.3 wrote times to live as "negative"; zookeeper.emulate353TTLNodes reads those too.
#pragma once

#include <cstdint>

namespace ottla::coordination {

struct ExtendedTypes {
  bool enabled = false;
  bool emulate_353 = false;
};

enum class OwnerKind { kPlain, kSession, kContainer, kTtl };

inline constexpr int64_t kContainerOwner = INT64_MIN;
inline constexpr int64_t kTtlMaxMs = (int64_t{1} << 40) - 1;

inline OwnerKind owner_kind(int64_t owner, ExtendedTypes types) {
  const auto bits = static_cast<uint64_t>(owner);
  if (owner == kContainerOwner) return OwnerKind::kContainer;
  if (types.enabled && types.emulate_353 && owner < 0) return OwnerKind::kTtl;
  if (types.enabled && bits >> 40 == 0xff0000) return OwnerKind::kTtl;
  return owner == 0 ? OwnerKind::kPlain : OwnerKind::kSession;
}

inline int64_t owner_of_ttl(int64_t ttl_ms) {
  return static_cast<int64_t>(0xff00000000000000ull | static_cast<uint64_t>(ttl_ms));
}
inline int64_t ttl_of_owner(int64_t owner) { return owner & kTtlMaxMs; }

}  // namespace ottla::coordination
