#include "broker/base/thread_name.h"

#include <gtest/gtest.h>
#include <pthread.h>

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

}  // namespace
}  // namespace penstock
