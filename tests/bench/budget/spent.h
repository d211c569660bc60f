// Spent: what a path costs, as figures that are the same on every machine and in every run: counts
// and bytes, no times. Values, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace penstock::budget {

enum class Figure : std::uint8_t {
    allocations,   // by operator new on the thread that steps
    heap_bytes,    // that these asked for
    rows_read,     // asked for one by one, or visited by scans
    rows_written,  // puts and erasures of batches
    row_bytes,     // keys and values of batches
    log_bytes,     // written to segments of the log
    other_bytes,   // written to other files of the data folder (rows' own files are RocksDB's)
    writes,        // calls that write to a file
    syncs,         // of files and folders
};

inline constexpr std::array<std::string_view, 9> figure_names{"allocations",
                                                              "heap_bytes",
                                                              "rows_read",
                                                              "rows_written",
                                                              "row_bytes",
                                                              "log_bytes",
                                                              "other_bytes",
                                                              "writes",
                                                              "syncs"};

struct Spent {
    std::array<std::uint64_t, figure_names.size()> figures{};

    [[nodiscard]] std::uint64_t of(Figure figure) const {
        return figures[static_cast<std::size_t>(figure)];
    }

    void add(Figure figure, std::uint64_t more) {
        figures[static_cast<std::size_t>(figure)] += more;
    }

    Spent& operator-=(const Spent& before) {
        for (std::size_t at = 0; at < figures.size(); ++at) figures[at] -= before.figures[at];
        return *this;
    }
};

}  // namespace penstock::budget
