#include "broker/replication/elections.h"

namespace penstock::replication {

namespace {

constexpr std::uint32_t rounds_in_a_hurry = 3;

}  // namespace

void Elections::draw() {
    timeout_ = election_ticks_ + static_cast<std::uint32_t>(random_.below(election_ticks_));
}

void Elections::heard() {
    elapsed_ = 0;
    rounds_left_ = 0;
    draw();
}

void Elections::hurry(std::uint32_t turn, std::uint32_t voters) {
    elapsed_ = 0;
    timeout_ = turn * turn_ticks;
    round_ticks_ = voters * turn_ticks;
    rounds_left_ = rounds_in_a_hurry;
}

void Elections::stood() {
    elapsed_ = 0;
    if (rounds_left_ > 0) --rounds_left_;
    if (rounds_left_ > 0) {
        timeout_ = round_ticks_;
    } else {
        draw();
    }
}

}  // namespace penstock::replication
