#include "tests/simulation/one_node.h"

#include <string_view>
#include <utility>

namespace penstock::simulation {

OneNode::OneNode(std::uint64_t seed) : random_(seed), flushes_(seed % 4 != 0) {
    start();
    workload_.set_up(*machine_);
    workload_.attach(*machine_);
}

// A node that goes answers what waits: whoever asked is still there.
OneNode::~OneNode() {
    machine_.reset();
}

void OneNode::run(int acts) {
    for (int at = 0; at < acts && problems_.empty(); ++at) {
        workload_.act();
        if (random_.below(3) != 0) step();
        clock_.advance_us(static_cast<std::int64_t>(random_.below(80'000)));
        if (random_.below(60) == 0) crash();
    }
}

Referee::Complaints OneNode::complaints() {
    if (problems_.empty()) come_to_rest();
    if (problems_.empty()) crash();
    Referee::Complaints all = problems_;
    const Referee::Complaints& seen = referee_.complaints();
    all.insert(all.end(), seen.begin(), seen.end());
    if (!problems_.empty()) return all;
    const auto left = disk_.crash_image(random_.next());
    for (auto& one : audit(*left, rows_, clock_.wall_ms(), referee_, workload_)) {
        all.push_back(std::move(one));
    }
    return all;
}

Referee::Complaints OneNode::complaints_after_damage() {
    constexpr std::string_view log = "data/log/segment-";
    if (!problems_.empty()) return problems_;
    crash();
    const auto left = disk_.crash_image(random_.next());
    std::string path;
    for (const std::string& file : left->files()) {
        if (file.starts_with(log)) path = file;
    }
    std::string bytes = left->bytes_of(path);
    const std::size_t used = bytes.find_last_not_of('\0');
    if (used == std::string::npos || used < 4'096) return {};
    char& victim = bytes[64 + random_.below(used / 2)];
    victim = static_cast<char>(victim ^ static_cast<char>(1U << random_.below(8)));
    left->put_bytes(path, bytes);
    Referee::Complaints complaints = audit(*left, rows_, clock_.wall_ms(), referee_, workload_);
    const bool refuses =
        !complaints.empty() && complaints.front().starts_with("the node does not start");
    return refuses ? Referee::Complaints{} : complaints;
}

// Whoever asked hears something within the time a request may take.
void OneNode::come_to_rest() {
    constexpr int seconds = 40;
    for (int second = 0; second < seconds && problems_.empty(); ++second) {
        clock_.advance_ms(1'000);
        if (auto ran = machine_->run(); !ran) {
            problems_.push_back("the node stops: " + ran.error().detail);
        }
    }
    if (problems_.empty() && workload_.under_way() > 0) {
        problems_.push_back(std::to_string(workload_.under_way()) + " requests are never answered");
    }
}

void OneNode::start() {
    machine_ = std::make_unique<Machine>(disk_, rows_, clock_, random_, flushes_);
    if (auto started = machine_->start(); !started) {
        problems_.push_back("the node does not start: " + started.error().detail);
    }
}

void OneNode::step() {
    if (auto stepped = machine_->step(); !stepped) {
        problems_.push_back("the node stops: " + stepped.error().detail);
    }
}

// Half of the crashes come in the middle of a turn: the disk stops at one of its changes, or a
// write or sync fails, which must end the process.
void OneNode::crash() {
    ++crashes_;
    if (random_.below(2) == 0) break_disk();
    workload_.died();
    machine_.reset();
    disk_.heal();
    disk_.crash(random_.next());
    clock_.advance_ms(static_cast<std::int64_t>(random_.below(4'000)));
    start();
    if (problems_.empty()) workload_.attach(*machine_);
}

void OneNode::break_disk() {
    for (std::uint64_t acts = random_.below(8); acts > 0; --acts) workload_.act();
    const std::uint64_t kind = random_.below(5);
    if (kind == 0) {
        disk_.fail_syncs_from(1 + random_.below(2), Errc::io);
    } else if (kind == 1) {
        disk_.fail_writes_from(1 + random_.below(2), Errc::disk_full);
    } else if (kind == 2) {
        disk_.fail_one_sync(1 + random_.below(2));
    } else {
        disk_.stop_after(random_.below(6));
    }
    for (int turn = 0; turn < 10; ++turn) {
        if (!machine_->step()) return;
        workload_.act();
    }
}

}  // namespace penstock::simulation
