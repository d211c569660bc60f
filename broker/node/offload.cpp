#include "broker/node/offload.h"

#include "broker/base/thread_name.h"

#include <boost/asio/post.hpp>

#include <utility>

namespace penstock::node {

namespace {

constexpr std::size_t cold_threads = 2;
constexpr std::size_t bulk_threads = 2;

}  // namespace

Offload::Offload(Kind kind) {
    if (kind == Kind::stepped) return;
    cold_ = std::make_unique<boost::asio::thread_pool>(cold_threads);
    bulk_ = std::make_unique<boost::asio::thread_pool>(bulk_threads);
    hand_out_ = std::make_unique<boost::asio::thread_pool>(1);
    // Its one thread reads the bodies of all deliveries: worth telling apart.
    boost::asio::post(*hand_out_, [] { name_thread("penstock-bodies"); });
}

Offload::~Offload() {
    stop();
}

void Offload::cold(Job job) {
    if (!cold_) return job();
    boost::asio::post(*cold_, std::move(job));
}

void Offload::bulk(Job job) {
    if (!bulk_) return job();
    boost::asio::post(*bulk_, [job = std::move(job)] {
        thread_local bool is_lowered = false;  // a pool does not say which threads it has begun
        if (!std::exchange(is_lowered, true)) {
            name_thread("penstock-bulk");
            lower_thread_priority();
        }
        job();
    });
}

void Offload::hand_out(Job job) {
    if (!hand_out_) return job();
    boost::asio::post(*hand_out_, std::move(job));
}

void Offload::stop() {
    if (!cold_) return;
    cold_->stop();
    bulk_->stop();
    hand_out_->stop();
    cold_->join();
    bulk_->join();
    hand_out_->join();
}

}  // namespace penstock::node
