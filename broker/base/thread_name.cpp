#include "broker/base/thread_name.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

namespace penstock {

namespace {

constexpr std::size_t name_bytes_max = 15;  // the kernel's
constexpr int lowered_niceness = 10;

}  // namespace

void name_thread(std::string_view name) {
    const std::string cut(name.substr(0, name_bytes_max));
    ::pthread_setname_np(::pthread_self(), cut.c_str());
}

void lower_thread_priority() {
    // Linux gives each thread a niceness of its own (setpriority(2), NOTES).
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), lowered_niceness);
}

}  // namespace penstock
