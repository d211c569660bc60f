#include "dispatcher/order_gate.h"

namespace penstock::dispatcher {

bool OrderGate::admit(const api::Delivery& delivery) {
    if (delivery.generation != generation_) {
        generation_ = delivery.generation;
        failing_.clear();
    }
    if (failing_.empty()) return true;
    const auto again = failing_.find(delivery.sequence);
    if (again == failing_.end()) {
        failing_.insert(delivery.sequence);
        return false;
    }
    failing_.erase(failing_.begin(), again);
    return true;
}

}  // namespace penstock::dispatcher
