#include "tests/planted/plant.h"

namespace penstock {

namespace {

Bug& current() {
    static Bug bug = no_bug;
    return bug;
}

}  // namespace

bool planted(Bug bug) {
    return current() == bug;
}

void planted_bugs::plant(Bug bug) {
    current() = bug;
}

}  // namespace penstock
