#include "broker/base/file_stamp.h"

#include <sys/stat.h>

namespace penstock {

FileStamp stamp_of(const std::string& path) {
    constexpr std::int64_t ns_per_s = 1'000'000'000;

    struct stat found {};

    if (::stat(path.c_str(), &found) != 0) return {};
    return {found.st_ino, found.st_size, found.st_mtim.tv_sec * ns_per_s + found.st_mtim.tv_nsec};
}

}  // namespace penstock
