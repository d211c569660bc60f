// KeyCommand: a key service behind a program of the operator's (api/key_service.h). It is run for
// each data key as
//
//   COMMAND... wrap|unwrap CONTEXT
//
// gets the key or the wrapped key in base64 as one line on its standard input, and gives the other
// one so on its output; it ends with 0 within key_service_ms_max, or it is killed with all it has
// started. What it says on its standard error is the server's. On the thread of the key service, in
// a process that ignores SIGPIPE.
#pragma once

#include "broker/api/key_service.h"

#include <atomic>
#include <string>
#include <vector>

namespace penstock {

class KeyCommand final : public api::KeyService {
  public:
    static constexpr std::size_t answer_bytes_max = 16'384;

    // `command` is the program, found as in a shell, and its arguments; at least one word.
    explicit KeyCommand(std::vector<std::string> command, int limit_ms = api::key_service_ms_max)
        : command_(std::move(command)), limit_ms_(limit_ms) {}

    Result<std::string> wrap(std::string_view key, std::string_view context) override;
    Result<std::string> unwrap(std::string_view wrapped, std::string_view context) override;

    void stop() override { stopping_ = true; }

  private:
    Result<std::string> ask(const char* what, std::string_view bytes, std::string_view context);

    std::vector<std::string> command_;
    int limit_ms_;
    std::atomic<bool> stopping_{false};
};

}  // namespace penstock
