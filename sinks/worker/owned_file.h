// OwnedFile: a descriptor that closes itself. One owner, any thread, nothing can fail.
#pragma once

#include <unistd.h>

#include <utility>

namespace penstock::sinks::worker {

class OwnedFile {
  public:
    OwnedFile() = default;

    explicit OwnedFile(int file) : file_(file) {}

    OwnedFile(OwnedFile&& other) noexcept : file_(other.release()) {}

    OwnedFile& operator=(OwnedFile&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }

    OwnedFile(const OwnedFile&) = delete;
    OwnedFile& operator=(const OwnedFile&) = delete;

    ~OwnedFile() { reset(); }

    [[nodiscard]] int get() const { return file_; }

    [[nodiscard]] bool open() const { return file_ >= 0; }

    int release() { return std::exchange(file_, -1); }

    void reset(int file = -1) {
        if (file_ >= 0) ::close(file_);
        file_ = file;
    }

  private:
    int file_ = -1;
};

}  // namespace penstock::sinks::worker
