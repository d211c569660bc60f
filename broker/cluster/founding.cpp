#include "broker/cluster/founding.h"

#include "broker/base/log.h"
#include "broker/base/planted.h"
#include "broker/base/wire.h"

#include <chrono>
#include <utility>

namespace penstock::cluster {

namespace {

namespace transport = replication::transport;

constexpr std::chrono::milliseconds call_deadline{5'000};
constexpr std::int64_t call_pause_us = 1'000'000;
constexpr std::int64_t lost_pause_us = 60'000'000;  // who has lost its disk does not find it again

// What a node said, or why it said nothing.
FoundAnswer said(const transport::Answer& answer) {
    FoundAnswer silent;
    if (!answer) {
        silent.problem = "it does not answer: " + answer.error().error.detail;
        return silent;
    }
    auto founded = decode_founded(*answer);
    if (founded) return std::move(*founded);
    silent.problem = "its answer cannot be read";
    return silent;
}

struct Round {
    Identity identity;
    std::size_t missing = 0;
    std::string problems;
};

}  // namespace

void Founding::use(transport::Peers& peers, std::shared_ptr<node::Mailbox> mailbox) {
    peers_ = &peers;
    mailbox_ = std::move(mailbox);
}

bool Founding::promised(const Identity& identity) const {
    for (const Founder& founder : identity.founders) {
        if (founder.node == self_.value) {
            return planted(K23) || promises_.holds(identity.cluster, founder.promise);
        }
    }
    return false;
}

Result<std::uint64_t> Founding::promise(NodeId caller, ClusterId cluster) {
    if (gathers_ && self_ < caller) {
        return error(Errc::unavailable, "it founds a cluster itself at this moment");
    }
    gathers_.reset();
    return promises_.give(cluster, random_);
}

void Founding::ask(NodeId node, FoundStep step, const Identity& identity, Heard heard) {
    auto take = [mailbox = mailbox_, heard = std::move(heard)](transport::Answer answer) {
        mailbox->post([heard, answer = std::move(answer)](node::Node&) { heard(said(answer)); });
    };
    peers_->ask(node,
                transport::Lane::requests,
                encode_question(FoundQuestion{step, wire::encode(identity)}),
                call_deadline,
                std::move(take));
}

void Founding::ask_all(const Identity& identity,
                       FoundStep step,
                       const std::function<void(NodeId, const FoundAnswer&)>& each,
                       std::function<void(std::string)> done) {
    std::vector<NodeId> others;
    for (const Founder& founder : identity.founders) {
        if (founder.node != self_.value) others.emplace_back(founder.node);
    }
    if (others.empty()) return done({});
    auto round = std::make_shared<Round>();
    round->missing = others.size();
    for (const NodeId other : others) {
        ask(other, step, identity, [round, other, each, done](const FoundAnswer& answer) {
            each(other, answer);
            if (!answer.problem.empty()) {
                round->problems +=
                    "node " + std::to_string(other.value) + ": " + answer.problem + "; ";
            }
            if (--round->missing == 0) done(round->problems);
        });
    }
}

void Founding::gather(Identity identity, std::function<void(Result<Identity>)> done) {
    auto gathered = std::make_shared<Identity>(std::move(identity));
    gathers_ = gathered->cluster;
    for (Founder& founder : gathered->founders) {
        // Nobody has to believe it: this node begins first, or not at all.
        if (founder.node == self_.value) founder.promise = random_.next();
    }
    const auto each = [gathered](NodeId node, const FoundAnswer& answer) {
        for (Founder& founder : gathered->founders) {
            if (founder.node == node.value) founder.promise = answer.promise;
        }
    };
    const auto all = [this, gathered, done](std::string problems) {
        const bool goes_on = gathers_ == gathered->cluster;
        if (goes_on) gathers_.reset();
        if (!goes_on) problems += "another node was told to found the cluster too; ";
        if (problems.empty()) return done(*gathered);
        done(error(Errc::unavailable, problems));
    };
    ask_all(*gathered, FoundStep::prepare, each, all);
}

void Founding::call(const Identity& identity, const std::function<void(std::string)>& done) {
    const auto each = [this](NodeId node, const FoundAnswer& answer) {
        heard_of(node, answer);
    };
    ask_all(identity, FoundStep::begin, each, done);
}

void Founding::invite(NodeId node, Identity identity, std::function<void(Result<void>)> done) {
    identity.founders.clear();
    ask(node, FoundStep::join, identity, [this, node, done = std::move(done)](const auto& answer) {
        others_[node].problem = answer.problem;
        if (answer.problem.empty()) return done({});
        done(error(Errc::unavailable, answer.problem));
    });
}

void Founding::heard_of(NodeId node, const FoundAnswer& answer) {
    Other& other = others_[node];
    other.takes_part = answer.problem.empty();
    other.lost = answer.lost;
    other.problem = answer.lost ? "its disk is not the one it joined with: replace it" : "";
    if (other.takes_part) return;
    log_line(answer.lost ? LogLevel::error : LogLevel::warn,
             "cluster",
             (answer.lost ? "event=disk_lost node=" : "event=not_begun node=") +
                 std::to_string(node.value) + " " + answer.problem);
}

void Founding::tend(const Identity& identity,
                    const std::vector<NodeId>& members,
                    const std::function<bool(NodeId)>& connected,
                    std::int64_t now_us) {
    for (const NodeId node : members) {
        if (node == self_ || !connected(node)) continue;
        Other& other = others_[node];
        const std::int64_t pause_us = other.lost ? lost_pause_us : call_pause_us;
        if (other.takes_part || (other.called_us != 0 && now_us < other.called_us + pause_us)) {
            continue;
        }
        other.called_us = now_us;
        ask(node, FoundStep::begin, identity, [this, node](const FoundAnswer& answer) {
            heard_of(node, answer);
        });
    }
}

std::string Founding::problem_of(NodeId node) const {
    const auto other = others_.find(node);
    return other == others_.end() ? std::string() : other->second.problem;
}

}  // namespace penstock::cluster
