#include "sinks/worker/supervisor_link.h"

#include "sinks/worker/link_state.h"

#include <utility>

namespace penstock::sinks::worker {

SupervisorLink::SupervisorLink(boost::asio::any_io_executor executor, LinkOptions options)
    : state_(std::make_shared<State>(std::move(executor), std::move(options))) {}

SupervisorLink::~SupervisorLink() {
    state_->abandon();
}

void SupervisorLink::open() {
    state_->open();
}

Launcher::ProcessNo SupervisorLink::start(ProcessOrder order, std::vector<int> files, Ended ended) {
    std::vector<OwnedFile> owned;
    for (const int file : files) owned.emplace_back(file);
    return state_->start(std::move(order), std::move(owned), std::move(ended));
}

void SupervisorLink::signal(ProcessNo process, int signal) {
    state_->send(SignalProcess{process, static_cast<std::uint8_t>(signal)});
}

void SupervisorLink::kill_tree(ProcessNo process) {
    state_->send(KillProcess{process});
}

void SupervisorLink::weigh(ProcessNo process, Weighed told) {
    state_->weigh(process, std::move(told));
}

std::vector<SandboxLayer> SupervisorLink::layers() const {
    return state_->layers();
}

bool SupervisorLink::available() const {
    return state_->available();
}

void SupervisorLink::stop(std::chrono::milliseconds deadline, std::function<void()> done) {
    state_->stop(deadline, std::move(done));
}

std::string SupervisorLink::problem() const {
    return state_->problem();
}

pid_t SupervisorLink::guardian() const {
    return state_->guardian();
}

}  // namespace penstock::sinks::worker
