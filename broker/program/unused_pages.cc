// SPDX-License-Identifier: Apache-2.0
#include "broker/program/unused_pages.h"

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string_view>

namespace ottla {
namespace {

// Segments that may be written to hold relocated addresses, which are in no file.
bool as_in_its_file(const ElfW(Phdr) & header) {
  return header.p_type == PT_LOAD && (header.p_flags & PF_W) == 0;
}

// The kernel's own pages for system calls are of no file; the program itself has no name.
bool is_of_a_file(const dl_phdr_info& object) {
  const std::string_view name = object.dlpi_name;
  return name.empty() || name.find('/') != std::string_view::npos;
}

int let_go_of_object(dl_phdr_info* object, size_t, void* total) {
  if (!is_of_a_file(*object)) return 0;
  const auto page = static_cast<ElfW(Addr)>(sysconf(_SC_PAGESIZE));
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = object->dlpi_phdr[i];
    if (!as_in_its_file(header)) continue;
    const ElfW(Addr) begin = (object->dlpi_addr + header.p_vaddr) & ~(page - 1);
    const ElfW(Addr) end = (object->dlpi_addr + header.p_vaddr + header.p_memsz) & ~(page - 1);
    if (end <= begin) continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader says addresses as numbers.
    if (madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED) == 0)
      *static_cast<size_t*>(total) += end - begin;
  }
  return 0;
}

}  // namespace

size_t let_go_of_code() {
  size_t total = 0;
  dl_iterate_phdr(&let_go_of_object, &total);
  return total;
}

}  // namespace ottla
