#include "sinks/worker/supervisor/channel.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace penstock::sinks::worker::supervisor {

namespace {

constexpr std::size_t control_bytes = CMSG_SPACE(sizeof(int) * message_files_max);

std::vector<OwnedFile> files_in(msghdr& header) {
    std::vector<OwnedFile> files;
    for (cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t file = 0; file < count; ++file) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(at) + file * sizeof(int), sizeof(int));
            files.emplace_back(number);
        }
    }
    return files;
}

bool fits(const ToSupervisor& message, std::size_t files) {
    const auto* start = std::get_if<StartProcess>(&message);
    return files == (start == nullptr ? 0U : start->files);
}

}  // namespace

Result<std::optional<Received>> Channel::receive() {
    alignas(cmsghdr) std::array<char, control_bytes> control{};
    iovec piece{inbox_.data(), inbox_.size()};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t length = ::recvmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return std::optional<Received>();
    auto files = length > 0 ? files_in(header) : std::vector<OwnedFile>();
    if (length <= 0) return error(Errc::closed, "the server is gone");
    if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        return error(Errc::invalid, "a control message beyond its limits");
    auto message =
        decode_to_supervisor(std::string_view(inbox_.data(), static_cast<std::size_t>(length)));
    if (!message) return message.error();
    if (!fits(*message, files.size()))
        return error(Errc::invalid, "a control message with a wrong number of descriptors");
    Received received{std::move(*message), std::move(files)};
    return std::optional<Received>(std::move(received));
}

Result<void> Channel::send(const FromSupervisor& message, int file) {
    if (outbox_.size() >= outbox_letters_max)
        return error(Errc::closed, "the server does not read");
    Letter letter;
    letter.bytes = encode(message);
    if (file >= 0) letter.file.reset(::fcntl(file, F_DUPFD_CLOEXEC, 0));
    outbox_.push_back(std::move(letter));
    if (auto flushed = flush(); !flushed) return flushed.error();
    return {};
}

Result<bool> Channel::flush() {
    while (!outbox_.empty()) {
        Letter& letter = outbox_.front();
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        iovec piece{letter.bytes.data(), letter.bytes.size()};
        msghdr header{};
        header.msg_iov = &piece;
        header.msg_iovlen = 1;
        if (letter.file.open()) {
            header.msg_control = control.data();
            header.msg_controllen = control.size();
            cmsghdr* rights = CMSG_FIRSTHDR(&header);
            rights->cmsg_level = SOL_SOCKET;
            rights->cmsg_type = SCM_RIGHTS;
            rights->cmsg_len = CMSG_LEN(sizeof(int));
            const int file = letter.file.get();
            std::memcpy(CMSG_DATA(rights), &file, sizeof file);
        }
        const ssize_t sent = ::sendmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) return false;
        if (sent < 0) return error(Errc::closed, "the server is gone");
        outbox_.pop_front();
    }
    return true;
}

}  // namespace penstock::sinks::worker::supervisor
