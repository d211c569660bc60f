#include "sinks/worker/wording.h"

#include "broker/api/names.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace penstock::sinks::worker {
namespace {

constexpr std::size_t command_bytes_max = 120;
constexpr std::size_t last_line_bytes_max = 300;

constexpr int exit_config = 78;  // sysexits.h: EX_CONFIG
constexpr int exit_not_executable = 126;
constexpr int exit_not_found = 127;

// What keeps a process from starting now and may not later.
constexpr std::array<int, 7> passing_errors{EAGAIN, ENOMEM, ENFILE, EMFILE, EINTR, EBUSY, ETXTBSY};

// The last line that says something.
std::string_view last_line(std::string_view text) {
    const std::size_t end = text.find_last_not_of(" \r\n\t");
    if (end == std::string_view::npos) return {};
    text = text.substr(0, end + 1);
    const std::size_t begin = text.rfind('\n');
    return begin == std::string_view::npos ? text : text.substr(begin + 1);
}

std::string signal_name(int signal) {
    const char* text = ::sigdescr_np(signal);
    return text != nullptr ? text : "unknown";
}

}  // namespace

std::string shown_name(const api::Target& target) {
    return stored_name(target);
}

std::string shown_place(const api::Target& target, const api::Delivery* delivery) {
    if (delivery == nullptr) return shown_name(target);
    return shown_name(target) + ": message " + model::to_text(delivery->message);
}

std::string shown_command(const std::vector<std::string>& command) {
    std::string text;
    for (const std::string& part : command) {
        if (!text.empty()) text += ' ';
        text += part;
        if (text.size() > command_bytes_max) break;
    }
    const bool cut = text.size() > command_bytes_max;
    return one_line(text, command_bytes_max) + (cut ? "..." : "");
}

std::string shown_time(std::int64_t time_ms) {
    if (time_ms < 1000) return std::to_string(time_ms) + " ms";
    std::string text = std::to_string(time_ms / 1000);
    if (const std::int64_t tenths = time_ms % 1000 / 100) text += "." + std::to_string(tenths);
    return text + " s";
}

std::string shown_end(const ProcessEnd& end) {
    switch (end.kind) {
        case ProcessEnd::Kind::exited:
            if (end.out_of_memory) return "ran out of its memory limit and ended";
            return "exited with status " + std::to_string(end.code);
        case ProcessEnd::Kind::signalled:
            if (end.out_of_memory) return "was killed: it ran out of its memory limit";
            return "was ended by signal " + std::to_string(end.code) + " (" +
                   signal_name(end.code) + ")";
        case ProcessEnd::Kind::not_started:
            return "could not be started: " + one_line(end.detail, 512);
        case ProcessEnd::Kind::lost:
            if (!end.detail.empty()) return "was lost: " + one_line(end.detail, 512);
            break;
    }
    return "was lost: the supervisor of processes is being started again";
}

std::string last_words(std::string_view output) {
    const std::string line = one_line(last_line(output), last_line_bytes_max);
    return line.empty() ? line : ": " + line;
}

std::string then_resume(const api::Target& target) {
    return "; then: penstock sub resume " + shown_name(target);
}

bool is_configuration(const ProcessEnd& end) {
    if (end.kind == ProcessEnd::Kind::not_started) {
        return std::find(passing_errors.begin(), passing_errors.end(), end.code) ==
               passing_errors.end();
    }
    return end.kind == ProcessEnd::Kind::exited &&
           (end.code == exit_config || end.code == exit_not_executable ||
            end.code == exit_not_found);
}

std::string configuration_problem(const api::Target& target,
                                  const std::vector<std::string>& command,
                                  const ProcessEnd& end) {
    std::string text = shown_name(target) + ": " + shown_command(command) + " ";
    if (end.kind == ProcessEnd::Kind::not_started) {
        text += shown_end(end) + "; check the path and that it may be executed";
        return text + then_resume(target);
    }
    text += shown_end(end);
    if (end.code == exit_config) text += " (EX_CONFIG): it cannot run as it is configured; ";
    if (end.code == exit_not_executable) text += ": something it calls is not executable; ";
    if (end.code == exit_not_found) text += ": something it calls does not exist; ";
    return text + "mend that" + then_resume(target);
}

std::string one_line(std::string_view text, std::size_t bytes_max) {
    const bool cut = text.size() > bytes_max;
    std::string line(text.substr(0, bytes_max));
    // A character cut in half at the end is no reason to spoil the others.
    for (int at = 0; cut && at < 3 && !line.empty() && !api::valid_utf8(line); ++at) {
        line.pop_back();
    }
    const bool readable = api::valid_utf8(line);
    if (!readable) line = text.substr(0, bytes_max);
    for (char& letter : line) {
        const auto byte = static_cast<unsigned char>(letter);
        if (byte < 0x20 || byte == 0x7F || (!readable && byte >= 0x80)) letter = ' ';
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    return line;
}

}  // namespace penstock::sinks::worker
