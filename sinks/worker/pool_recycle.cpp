// Processes that are replaced though they did nothing wrong: after so many messages, at an age, or
// when they have grown. Each finishes what it holds; the next one is started by what waits.
#include "sinks/worker/pool.h"
#include "sinks/worker/wording.h"

#include <memory>
#include <string>

namespace penstock::sinks::worker {

void Pool::became_ready(Process& process, std::int64_t now_us) {
    process.state = Process::State::ready;
    const std::uint32_t age_ms = target_.spec.function.recycle_age_ms;
    if (age_ms == 0) return;
    process.recycle_at_us = now_us + std::int64_t{age_ms} * 1000;
    note_due(process.recycle_at_us);
}

// A message was handed out, so the process may grow.
void Pool::count_offer(Process& process, std::int64_t now_us) {
    process.offered += 1;
    const model::FunctionSpec& function = target_.spec.function;
    if (function.recycle_after > 0 && process.offered >= function.recycle_after) recycle(process);
    if (function.recycle_memory_mib == 0 || process.weigh_at_us != 0) return;
    process.weigh_at_us = now_us + world_.limits.weigh_every_us;
    note_due(process.weigh_at_us);
}

void Pool::check_recycling(Process& process, std::int64_t now_us) {
    if (process.state != Process::State::ready) return;
    if (process.recycle_at_us != 0) {
        if (now_us >= process.recycle_at_us) return recycle(process);
        note_due(process.recycle_at_us);
    }
    if (process.weigh_at_us == 0) return;
    if (now_us < process.weigh_at_us) return note_due(process.weigh_at_us);
    process.weigh_at_us = 0;
    world_.launcher.weigh(process.number,
                          [this, known = process.weak_from_this()](std::uint64_t bytes) {
                              const auto weighed = known.lock();  // gone: so is the pool, perhaps
                              if (weighed) on_weight(*weighed, bytes);
                          });
}

void Pool::on_weight(Process& process, std::uint64_t bytes) {
    const std::uint64_t most_mib = target_.spec.function.recycle_memory_mib;
    if (process.state != Process::State::ready || most_mib == 0 || bytes >> 20 < most_mib) return;
    recycle(process);
    world_.wake();
    world_.log_book.write(target_.subscription,
                          "server",
                          {},
                          shown_name(target_) + ": " + shown_command(process.command) + " holds " +
                              std::to_string(bytes >> 20) +
                              " MiB of memory and is replaced (--recycle-memory " +
                              std::to_string(most_mib) + "MiB)");
}

void Pool::recycle(Process& process) {
    process.clearing = false;
    process.state = Process::State::draining;
}

}  // namespace penstock::sinks::worker
