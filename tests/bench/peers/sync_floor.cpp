// sync_floor FOLDER SECONDS BYTES FILES: what the disk allows. Writes BYTES into a file that has
// its blocks already and syncs it, FILES of them in turn (three: three replicas on one disk), and
// prints one line of JSON.
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t file_bytes = 64U << 20U;

// A file without a name whose blocks are there; -1: it cannot be made.
int prepared_file(const std::string& folder) {
    const int file = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    const std::string zeros(1U << 20U, '\0');
    for (std::size_t at = 0; file >= 0 && at < file_bytes; at += zeros.size())
        if (::write(file, zeros.data(), zeros.size()) < 0) return -1;
    return file >= 0 && ::fsync(file) == 0 ? file : -1;
}

double us(Clock::duration time) {
    return std::chrono::duration<double, std::micro>(time).count();
}

}  // namespace

int main(int count, char** words) {
    if (count != 5) {
        std::fprintf(stderr, "sync_floor FOLDER SECONDS BYTES FILES\n");
        return 2;
    }
    const double seconds = std::atof(words[2]);
    const std::string block(std::strtoul(words[3], nullptr, 10), 'x');
    std::vector<int> files;
    for (int at = 0; at < std::atoi(words[4]); ++at) files.push_back(prepared_file(words[1]));
    std::vector<double> latencies;
    const auto begin = Clock::now();
    auto last = begin;
    for (std::size_t at = 0; us(last - begin) < seconds * 1e6; at += block.size()) {
        if (at + block.size() > file_bytes) at = 0;
        for (const int file : files) {
            const auto place = static_cast<off_t>(at);
            if (::pwrite(file, block.data(), block.size(), place) < 0 || ::fdatasync(file) != 0) {
                std::perror("sync_floor");
                return 1;
            }
        }
        const auto now = Clock::now();
        latencies.push_back(us(now - last));
        last = now;
    }
    std::sort(latencies.begin(), latencies.end());
    boost::json::object report;
    report["syncs_per_s"] = static_cast<double>(latencies.size()) * 1e6 / us(last - begin);
    report["p50_us"] = latencies[latencies.size() / 2];
    report["p99_us"] = latencies[latencies.size() * 99 / 100];
    std::printf("%s\n", boost::json::serialize(report).c_str());
}
