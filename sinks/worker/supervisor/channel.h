// Channel: control messages over the supervisor's end of the socket pair, with descriptors. Sends
// never block: what the socket does not take waits in a bounded outbox. Owned by the supervisor,
// used on its thread.
#pragma once

#include "broker/base/error.h"
#include "sinks/worker/control.h"
#include "sinks/worker/datagram.h"
#include "sinks/worker/owned_file.h"

#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace penstock::sinks::worker::supervisor {

inline constexpr std::size_t outbox_letters_max = 65'536;

struct Received {
    ToSupervisor message;
    std::vector<OwnedFile> files;
};

class Channel {
  public:
    explicit Channel(int socket) : socket_(socket), inbox_(message_bytes_max + 1, '\0') {}

    // Nothing: no message waits. Error{closed}: the server is gone. Error{invalid}: it speaks
    // nonsense.
    Result<std::optional<Received>> receive();

    // Error{closed}: the server is gone, or has not read for far too long.
    Result<void> send(const FromSupervisor& message, int file = -1);

    // Sends what waits. True: nothing waits any more.
    Result<bool> flush();

    [[nodiscard]] int socket() const { return socket_.get(); }

    [[nodiscard]] bool waiting() const { return !outbox_.empty(); }

  private:
    struct Letter {
        std::string bytes;
        std::vector<OwnedFile> files;
    };

    OwnedFile socket_;
    std::string inbox_;
    std::deque<Letter> outbox_;
};

}  // namespace penstock::sinks::worker::supervisor
