#include "tests/bench/peers/load/processes.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>
#include <string>

namespace penstock::load {

namespace {

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// user, nice, system, interrupts: what is left out is waiting, and what is counted elsewhere.
double machine_ticks() {
    std::ifstream file("/proc/stat");
    std::string name;
    std::array<double, 8> field{};
    file >> name;
    for (auto& one : field) file >> one;
    return field[0] + field[1] + field[2] + field[5] + field[6] + field[7];
}

void add_process(int process, double ticks_a_second, Usage& usage) {
    const std::string folder = "/proc/" + std::to_string(process);
    std::ifstream stat(folder + "/stat");
    std::string line;
    if (!std::getline(stat, line)) return;
    // Behind the name, which may hold anything: state is field 3 of proc(5).
    std::istringstream fields(line.substr(line.rfind(')') + 2));
    std::string value;
    for (int number = 3; fields >> value; ++number) {
        if (number == 14 || number == 15) usage.processor_s += std::stod(value) / ticks_a_second;
        if (number == 24) {
            const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
            usage.resident_bytes += std::stoull(value) * page;
            break;
        }
    }
    std::ifstream io(folder + "/io");
    for (std::string name; io >> name >> value;)
        if (name == "write_bytes:") usage.written_bytes += std::stoull(value);
}

}  // namespace

Usage usage_of(const std::vector<int>& processes) {
    const auto ticks_a_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
    Usage usage;
    usage.machine_s = machine_ticks() / ticks_a_second;
    rusage own{};
    ::getrusage(RUSAGE_SELF, &own);
    usage.own_s = seconds(own.ru_utime) + seconds(own.ru_stime);
    for (const int process : processes) add_process(process, ticks_a_second, usage);
    return usage;
}

}  // namespace penstock::load
