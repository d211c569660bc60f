#include "broker/base/thread_name.h"

#include <pthread.h>

#include <string>

namespace penstock {

namespace {

constexpr std::size_t name_bytes_max = 15;  // the kernel's

}  // namespace

void name_thread(std::string_view name) {
    const std::string cut(name.substr(0, name_bytes_max));
    ::pthread_setname_np(::pthread_self(), cut.c_str());
}

}  // namespace penstock
