#include "faulty_disk.hpp"

#include <sqlite3.h>

#include <atomic>
#include <map>
#include <mutex>
#include <stdexcept>

namespace battery_twin::store::testing {
namespace {

std::atomic<int> left = 0;  // operations up to the one that fails; 0: none does
std::atomic<bool> failed = false;

bool is_to_fail() {
  if (left.load() <= 0 || --left != 0) return false;
  failed = true;
  return true;
}

sqlite3_vfs* system_disk = nullptr;
sqlite3_vfs faulty_disk{};
// Files of the system's disk stay what they are, with a table of functions of which two are ours. There is a table for
// databases and one for logs and journals, with the same two functions in both.
std::mutex methods_mutex;
std::map<const sqlite3_io_methods*, sqlite3_io_methods> faulty_methods;
std::atomic<const sqlite3_io_methods*> system_methods = nullptr;

int faulty_write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  return is_to_fail() ? SQLITE_IOERR_WRITE : system_methods.load()->xWrite(file, bytes, size, offset);
}

int faulty_sync(sqlite3_file* file, int flags) {
  return is_to_fail() ? SQLITE_IOERR_FSYNC : system_methods.load()->xSync(file, flags);
}

int faulty_open(sqlite3_vfs* /*disk*/, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  const int result = system_disk->xOpen(system_disk, name, file, flags, out_flags);
  if (result != SQLITE_OK || file->pMethods == nullptr) return result;
  const std::lock_guard lock(methods_mutex);
  const auto [methods, is_new] = faulty_methods.try_emplace(file->pMethods, *file->pMethods);
  if (is_new) {
    system_methods = file->pMethods;
    methods->second.xWrite = faulty_write;
    methods->second.xSync = faulty_sync;
  }
  file->pMethods = &methods->second;
  return result;
}

}  // namespace

FaultyDisk::FaultyDisk() {
  system_disk = sqlite3_vfs_find(nullptr);
  faulty_disk = *system_disk;
  faulty_disk.zName = "faulty";
  faulty_disk.xOpen = faulty_open;
  if (sqlite3_vfs_register(&faulty_disk, 1) != SQLITE_OK) throw std::runtime_error("no faulty disk");
}

FaultyDisk::~FaultyDisk() {
  work();
  sqlite3_vfs_unregister(&faulty_disk);
  sqlite3_vfs_register(system_disk, 1);
}

void FaultyDisk::fail_at(int operation) {
  failed = false;
  left = operation;
}

bool FaultyDisk::has_failed() const { return failed; }

}  // namespace battery_twin::store::testing
