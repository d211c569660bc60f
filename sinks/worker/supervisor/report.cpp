#include "sinks/worker/supervisor/report.h"

#include "broker/base/bytes.h"

#include <sys/socket.h>

namespace penstock::sinks::worker::supervisor {

void send_report(int socket, const Report& report) {
    std::string bytes;
    Writer writer(bytes);
    writer.u8(static_cast<std::uint8_t>(report.kind));
    writer.u8(static_cast<std::uint8_t>(report.step));
    writer.u32(static_cast<std::uint32_t>(report.code));
    writer.u64(report.cpu_us);
    writer.bytes(report.detail);
    ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

Result<Report> read_report(std::string_view bytes) {
    Reader reader(bytes);
    Report report;
    report.kind = static_cast<Report::Kind>(reader.u8());
    report.step = static_cast<Step>(reader.u8());
    report.code = static_cast<std::int32_t>(reader.u32());
    report.cpu_us = reader.u64();
    report.detail = reader.text();
    if (!reader.done()) return error(Errc::invalid, "a malformed report");
    return report;
}

}  // namespace penstock::sinks::worker::supervisor
