// The data folder's own files: the lock that keeps two servers apart and the root key of a first
// start. Composition only; the calling thread.
#pragma once

#include "broker/base/error.h"
#include "broker/node/options.h"

#include <memory>
#include <string>

namespace penstock::node {

inline constexpr const char* lock_name = "lock";

// A file that says that a backup is being restored into the folder: nothing in it counts yet.
inline constexpr const char* restoring_name = "restoring";

// Error{invalid}: a restore was begun and is not done.
Result<void> refuse_half_restored(const std::string& folder);

// Held as long as it lives; the kernel lets go when the process ends, however it ends.
class FolderLock {
  public:
    // Error{unavailable}: another process has it.
    static Result<std::unique_ptr<FolderLock>> take(const std::string& folder);

    explicit FolderLock(int descriptor) : descriptor_(descriptor) {}

    ~FolderLock();
    FolderLock(const FolderLock&) = delete;
    FolderLock& operator=(const FolderLock&) = delete;

  private:
    int descriptor_;
};

// Writes a file that only its owner reads, durable before it returns. Error{io} names it.
Result<void> save_secret_file(const std::string& path, const std::string& text);

// Writes FOLDER/root.key, readable by its owner only, durable before it returns.
Result<void> save_root_key(const std::string& folder, const RootKey& key);

}  // namespace penstock::node
