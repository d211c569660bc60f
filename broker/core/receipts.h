// Receipts: the sealed (sequence, lease tag) of one lease. The seal is keyed by the set's receipt
// key and the queue, so that a receipt fits one queue only and cannot be guessed.
#pragma once

#include "broker/base/hash.h"
#include "broker/core/records.h"

namespace penstock::core {

inline constexpr unsigned lease_tag_bits = 24;
inline constexpr std::uint32_t lease_tag_mask = (1U << lease_tag_bits) - 1;

struct OpenReceipt {
    Sequence sequence = 0;
    std::uint32_t tag = 0;
};

inline Permutation64 receipt_seal(const Globals& globals, ObjectNo queue) {
    return Permutation64({globals.receipt_key[0] ^ mix64(queue.value), globals.receipt_key[1]});
}

inline model::Receipt seal_receipt(const Globals& globals,
                                   ObjectNo queue,
                                   Sequence sequence,
                                   std::uint32_t tag) {
    return model::Receipt{receipt_seal(globals, queue).seal((sequence << lease_tag_bits) | tag)};
}

inline OpenReceipt open_receipt(const Globals& globals, ObjectNo queue, model::Receipt receipt) {
    const std::uint64_t value = receipt_seal(globals, queue).open(receipt.value);
    return {value >> lease_tag_bits, static_cast<std::uint32_t>(value) & lease_tag_mask};
}

}  // namespace penstock::core
