// Reading and writing the kernel's small files (cgroups, /proc). Free functions, any thread; what
// cannot be read is empty, what cannot be written is false with errno set.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks::worker::supervisor {

std::string read_file(const std::string& path);
bool write_file(const std::string& path, std::string_view text);

// The number behind `name` at the start of a line ("oom_kill 3").
std::optional<std::uint64_t> number_in(const std::string& text, std::string_view name);

std::vector<std::string> split(std::string_view text, char separator);

// Waits without a clock of its own; the supervisor's processes have nothing else to do then.
void pause_ms(int milliseconds);

}  // namespace penstock::sinks::worker::supervisor
