#include "broker/base/thread_name.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>

namespace penstock {
namespace {

std::string name_after(const std::string& wanted) {
    std::string shown;
    std::thread thread([&] {
        name_thread(wanted);
        std::array<char, 32> name{};
        ::pthread_getname_np(::pthread_self(), name.data(), name.size());
        shown = name.data();
    });
    thread.join();
    return shown;
}

TEST(ThreadName, IsWhatThreadsAreCalled) {
    EXPECT_EQ(name_after("penstock-io-0"), "penstock-io-0");
}

TEST(ThreadName, IsCutWhereTheKernelWouldRefuseIt) {
    EXPECT_EQ(name_after("penstock-broker-of-sets"), "penstock-broker");
}

TEST(ThreadPriority, IsLoweredForTheCallingThreadAlone) {
    const int ours = ::getpriority(PRIO_PROCESS, 0);
    int lowered = 0;
    std::thread thread([&] {
        lower_thread_priority();
        lowered = ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
    });
    thread.join();
    EXPECT_EQ(lowered, 10);
    EXPECT_EQ(::getpriority(PRIO_PROCESS, 0), ours);
}

}  // namespace
}  // namespace penstock
