#include "sinks/worker/supervisor/kernel_files.h"

#include "sinks/worker/owned_file.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <charconv>

namespace penstock::sinks::worker::supervisor {

namespace {

constexpr std::size_t file_bytes_max = 1 << 20;

}  // namespace

std::string read_file(const std::string& path) {
    const OwnedFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string text;
    std::array<char, 4'096> piece{};
    while (file.open() && text.size() < file_bytes_max) {
        const ssize_t bytes = ::read(file.get(), piece.data(), piece.size());
        if (bytes <= 0) break;
        text.append(piece.data(), static_cast<std::size_t>(bytes));
    }
    return text;
}

bool write_file(const std::string& path, std::string_view text) {
    const OwnedFile file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file.open()) return false;
    return ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::optional<std::uint64_t> number_in(const std::string& text, std::string_view name) {
    for (const auto& line : split(text, '\n')) {
        const bool found = line.size() > name.size() &&
                           (line[name.size()] == ' ' || line[name.size()] == '\t') &&
                           std::string_view(line).substr(0, name.size()) == name;
        if (!found) continue;
        std::uint64_t number = 0;
        const char* end = line.data() + line.size();
        const auto parsed = std::from_chars(line.data() + name.size() + 1, end, number);
        if (parsed.ec == std::errc()) return number;
    }
    return std::nullopt;
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = text.find(separator);
        parts.emplace_back(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    }
    return parts;
}

void pause_ms(int milliseconds) {
    ::poll(nullptr, 0, milliseconds);
}

}  // namespace penstock::sinks::worker::supervisor
