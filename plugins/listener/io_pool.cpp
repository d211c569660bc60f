#include "plugins/listener/io_pool.h"

#include "broker/base/step_watch.h"
#include "broker/base/thread_name.h"

#include <algorithm>
#include <string>

namespace penstock::plugins {

IoPool::IoPool(std::size_t threads, const std::string& name) {
    for (std::size_t number = 0; number < std::max<std::size_t>(1, threads); ++number) {
        lanes_.push_back(std::make_unique<Lane>());
        Lane& lane = *lanes_.back();
        lane.thread = std::thread([&lane, called = name + "-" + std::to_string(number)] {
            name_thread(called);
            StepWatch watch("plugins/listener");
            while (lane.context.run_one() > 0) watch.step_ended();
        });
    }
}

IoPool::~IoPool() {
    stop();
}

asio::io_context& IoPool::next() {
    return at(turn_.fetch_add(1, std::memory_order_relaxed) % size());
}

void IoPool::stop() {
    for (const auto& lane : lanes_) lane->context.stop();
    for (const auto& lane : lanes_) {
        if (lane->thread.joinable()) lane->thread.join();
    }
}

}  // namespace penstock::plugins
