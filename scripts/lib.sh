# SPDX-License-Identifier: Apache-2.0
# What the scripts share: where the project is, and how what it needs gets installed.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

BUILD_PACKAGES=(cmake ninja-build g++ ccache mold pkg-config libuv1-dev nlohmann-json3-dev libzstd-dev liblz4-dev
  libsnappy-dev libssl-dev libxxhash-dev zlib1g-dev libisal-dev libmd-dev libspdlog-dev libfmt-dev libcli11-dev libgtest-dev libgmock-dev
  libzookeeper-st-dev)
# What only the tests need: peers to talk to, and the machines that run them.
TEST_PACKAGES=(git librdkafka-dev kafkacat python3 python3-confluent-kafka python3-crc32c python3-kazoo python3-lz4 python3-mock
  python3-pure-sasl python3-pytest python3-snappy python3-zstandard openssl zookeeper valgrind openjdk-17-jdk-headless maven
  e2fsprogs strace)
# A clang with libFuzzer; Debian's default, 14, cannot read all of this C++20.
FUZZ_PACKAGES=(clang-16 libclang-rt-16-dev)
TOOL_PACKAGES=(clang-format clang-tidy)

say() { printf '%s\n' "$*" >&2; }

# install_packages NAME...: installs the Debian packages that are missing, and nothing where none is.
install_packages() {
  local missing=() name
  for name in "$@"; do
    dpkg-query -W -f='${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
  done
  # A JDK or Maven that did not come from Debian serves as well.
  if command -v javac >/dev/null; then missing=("${missing[@]/openjdk-17-jdk-headless/}"); fi
  if command -v mvn >/dev/null; then missing=("${missing[@]/maven/}"); fi
  local wanted=()
  for name in "${missing[@]}"; do [[ -n $name ]] && wanted+=("$name"); done
  [[ ${#wanted[@]} -eq 0 ]] && return 0
  local as_root=()
  if [[ $(id -u) -ne 0 ]]; then
    command -v sudo >/dev/null || { say "these Debian packages are missing, install them as root: ${wanted[*]}"; exit 1; }
    as_root=(sudo)
  fi
  say "installing: ${wanted[*]}"
  "${as_root[@]}" apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${wanted[@]}" >&2
}

# build PRESET [TARGET...]: configures once, then builds.
build() {
  local preset=$1
  shift
  [[ -f $ROOT/build/$preset/build.ninja ]] || (cd "$ROOT" && cmake --preset "$preset" >&2)
  cmake --build "$ROOT/build/$preset" ${1:+--target "$@"} >&2
}
