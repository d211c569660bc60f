#include "sinks/worker/supervisor/channel.h"

#include <fcntl.h>

#include <utility>

namespace penstock::sinks::worker::supervisor {

namespace {

static_assert(message_files_max <= datagram_files_max);

bool fits(const ToSupervisor& message, std::size_t files) {
    const auto* start = std::get_if<StartProcess>(&message);
    return files == (start == nullptr ? 0U : start->files);
}

}  // namespace

Result<std::optional<Received>> Channel::receive() {
    auto datagram = receive_datagram(socket_.get(), inbox_);
    if (!datagram) return datagram.error();
    if (!*datagram) return std::optional<Received>();
    auto message = decode_to_supervisor((*datagram)->bytes);
    if (!message) return message.error();
    if (!fits(*message, (*datagram)->files.size()))
        return error(Errc::invalid, "a control message with a wrong number of descriptors");
    Received received{std::move(*message), std::move((*datagram)->files)};
    return std::optional<Received>(std::move(received));
}

Result<void> Channel::send(const FromSupervisor& message, int file) {
    if (outbox_.size() >= outbox_letters_max)
        return error(Errc::closed, "the server does not read");
    Letter letter;
    letter.bytes = encode(message);
    if (file >= 0) letter.files.emplace_back(::fcntl(file, F_DUPFD_CLOEXEC, 0));
    outbox_.push_back(std::move(letter));
    if (auto flushed = flush(); !flushed) return flushed.error();
    return {};
}

Result<bool> Channel::flush() {
    while (!outbox_.empty()) {
        const Letter& letter = outbox_.front();
        const Sent sent = send_datagram(socket_.get(), letter.bytes, letter.files);
        if (sent == Sent::later) return false;
        if (sent != Sent::done) return error(Errc::closed, "the server is gone");
        outbox_.pop_front();
    }
    return true;
}

}  // namespace penstock::sinks::worker::supervisor
