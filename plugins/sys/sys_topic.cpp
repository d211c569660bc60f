#include "plugins/sys/sys_topic.h"

#include <boost/asio/post.hpp>

#include <any>
#include <memory>
#include <utility>

namespace penstock::plugins::sys {

SysTopic::SysTopic(boost::asio::any_io_executor executor,
                   api::Broker& broker,
                   api::MetricSource& figures,
                   std::string source,
                   std::chrono::milliseconds period)
    : executor_(std::move(executor)),
      broker_(broker),
      figures_(figures),
      source_(std::move(source)),
      period_(period),
      timer_(executor_) {}

void SysTopic::start() {
    boost::asio::post(executor_, [this] { wait(); });
}

void SysTopic::stop() {
    boost::asio::post(executor_, [this] {
        stopped_ = true;
        timer_.cancel();
    });
}

void SysTopic::wait() {
    if (stopped_) return;
    timer_.expires_after(period_);
    timer_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec) ask();
    });
}

void SysTopic::ask() {
    // Before it is ready nothing could be published.
    if (!broker_.ready()) return wait();
    figures_.measure([this](model::Metrics metrics) {
        boost::asio::post(executor_, [this, metrics = std::move(metrics)] { look(metrics); });
    });
}

void SysTopic::look(const model::Metrics& metrics) {
    if (stopped_) return;
    for (const SysEvent& event : looked_.look(metrics)) publish(event);
    wait();
}

void SysTopic::publish(const SysEvent& event) {
    api::PublishMessages request;
    request.topic = topic_name;
    request.messages.push_back(message_of(event, source_));
    api::Principal server;
    server.key_id = "penstock";
    server.root = true;
    // Whoever wants them makes the topic: without it the refusal is the usual answer.
    broker_.call(server, api::Request(std::move(request)), executor_, [](const std::any&) {});
}

}  // namespace penstock::plugins::sys
