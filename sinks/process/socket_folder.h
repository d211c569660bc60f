// SocketFolder: a folder of its own for one process to open its Unix socket in; nobody else may
// enter it. Removed with the files in it when the object goes. One thread.
#pragma once

#include "broker/base/error.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace penstock::sinks::process {

class SocketFolder {
  public:
    // Below /tmp; `strict`, whose /tmp is another, is shown it if the process' order names it. It
    // belongs to `user` where the server may give it away (0: it stays the server's).
    // Error{unavailable}: it cannot be made.
    static Result<std::unique_ptr<SocketFolder>> make(std::uint32_t user);
    ~SocketFolder();
    SocketFolder(const SocketFolder&) = delete;
    SocketFolder& operator=(const SocketFolder&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }

    // Where the process opens its socket.
    [[nodiscard]] std::string socket() const { return path_ + "/http.sock"; }

  private:
    struct Made {};  // only make() has one

  public:
    SocketFolder(Made, std::string path) : path_(std::move(path)) {}

  private:
    std::string path_;
};

}  // namespace penstock::sinks::process
