#pragma once

namespace battery_twin::store::testing {

/// While it lives, SQLite's files are on a disk of which one write or sync may fail. One at a time.
class FaultyDisk {
 public:
  FaultyDisk();
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  /// The so-manieth write or sync from now on fails, the ones after it do not.
  void fail_at(int operation);
  [[nodiscard]] bool has_failed() const;
  void work() { fail_at(0); }
};

}  // namespace battery_twin::store::testing
