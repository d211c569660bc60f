#include "broker/node/broker_thread.h"

#include "tests/node/requests.h"
#include "tests/support/temp_folder.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <ctime>
#include <exception>
#include <fstream>
#include <future>
#include <string>

namespace penstock::testing {

namespace {

namespace asio = boost::asio;

node::NodeOptions options_in(const TempFolder& folder) {
    node::NodeOptions options;
    options.data_folder = folder.file("data");
    options.log.segment_bytes = 4U << 20;
    options.log.reserve_percent = 0;
    options.rows = {4U << 20, 4U << 20};
    return options;
}

// Runs one coroutine to its end on an I/O thread of its own: this one.
template <class T>
T run(asio::awaitable<T> coroutine) {
    asio::io_context io(1);
    std::future<T> result = asio::co_spawn(io, std::move(coroutine), asio::use_future);
    io.run();
    return result.get();
}

asio::awaitable<std::size_t> send_and_receive(api::Broker& broker, std::string queue, int count) {
    const api::Principal nobody;
    std::size_t received = 0;
    for (int at = 0; at < count; ++at) {
        auto request = send(queue, {"one", "two"});
        const auto sent = co_await api::call(broker, nobody, std::move(request));
        if (!sent) co_return 0;
        auto taking = receive(queue, 16, 5);
        const auto taken = co_await api::call(broker, nobody, std::move(taking));
        if (!taken) co_return 0;
        std::vector<model::Receipt> receipts;
        for (const auto& message : taken->messages) receipts.push_back(message.receipt);
        received += receipts.size();
        auto removing = remove(queue, std::move(receipts));
        const auto removed = co_await api::call(broker, nobody, std::move(removing));
        if (!removed) co_return 0;
    }
    co_return received;
}

// Of this thread's own.
void use_processor_ms(long milliseconds) {
    const auto used_ms = [] {
        timespec spent{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
        return spent.tv_sec * 1'000 + spent.tv_nsec / 1'000'000;
    };
    const long end = used_ms() + milliseconds;
    while (used_ms() < end) {
    }
}

asio::awaitable<bool> create(api::Broker& broker, std::string queue) {
    const api::Principal nobody;
    auto request = create_queue(std::move(queue));
    const auto created = co_await api::call(broker, nobody, std::move(request));
    co_return created.has_value();
}

}  // namespace

TEST(BrokerThread, ServesManyIoThreadsAtOnce) {
    const TempFolder folder;
    auto made = node::make_broker(options_in(folder));
    ASSERT_TRUE(made) << made.error().detail;
    (*made)->start();
    api::Broker& broker = (*made)->broker();
    std::vector<std::thread> threads;
    std::atomic<std::size_t> received{0};
    for (const char* name : {"a", "b", "c", "d"}) {
        threads.emplace_back([&broker, &received, name] {
            if (run(create(broker, name))) received += run(send_and_receive(broker, name, 25));
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(received, 4U * 25U * 2U);
    ASSERT_TRUE((*made)->stop());
    EXPECT_FALSE(broker.ready());
}

TEST(BrokerThread, TwoNeverShareAFolder) {
    const TempFolder folder;
    auto first = node::make_broker(options_in(folder));
    ASSERT_TRUE(first);
    const auto second = node::make_broker(options_in(folder));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::unavailable);
    EXPECT_NE(second.error().detail.find("another server"), std::string::npos);
    first->reset();
    EXPECT_TRUE(node::make_broker(options_in(folder)));
}

TEST(BrokerThread, TheFirstStartWritesTheRootKeyForItsOwnerOnly) {
    const TempFolder folder;
    auto made = node::make_broker(options_in(folder));
    ASSERT_TRUE(made);
    ASSERT_TRUE((*made)->first_start_key());
    const node::RootKey key = *(*made)->first_start_key();
    EXPECT_EQ((*made)->broker().key_of(key.key_id)->secret, key.secret);
    const std::string path = folder.file("data/root.key");
    std::ifstream file(path);
    std::string id_line;
    std::string secret_line;
    std::getline(file, id_line);
    std::getline(file, secret_line);
    EXPECT_EQ(id_line, "key_id = " + key.key_id);
    EXPECT_EQ(secret_line, "key_secret = " + key.secret);

    struct stat status {};

    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

// An answer without an executor runs on the broker thread: all others wait behind it.
TEST(BrokerThread, AStepThatUsesTooMuchProcessorTimeIsTold) {
    const TempFolder folder;
    auto made = node::make_broker(options_in(folder));
    ASSERT_TRUE(made);
    ::testing::internal::CaptureStderr();
    (*made)->start();
    std::promise<void> answered;
    (*made)->broker().call({}, api::GetStatus{}, {}, [&answered](const std::any&) {
        use_processor_ms(20);
        answered.set_value();
    });
    answered.get_future().wait();
    ASSERT_TRUE((*made)->stop());
    const std::string told = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(told.find("event=slow_step"), std::string::npos) << told;
    EXPECT_NE(told.find("broker/node"), std::string::npos) << told;
}

TEST(BrokerThread, StoppingAnswersALongPoll) {
    const TempFolder folder;
    auto made = node::make_broker(options_in(folder));
    ASSERT_TRUE(made);
    (*made)->start();
    api::Broker& broker = (*made)->broker();
    ASSERT_TRUE(run(create(broker, "orders")));
    asio::io_context io(1);
    bool answered = false;
    broker.call({}, receive("orders", 1, 30), io.get_executor(), [&answered](const std::any&) {
        answered = true;
    });
    ASSERT_TRUE((*made)->stop());
    io.run();
    EXPECT_TRUE(answered);
}

}  // namespace penstock::testing
