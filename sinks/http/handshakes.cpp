#include "sinks/http/handshakes.h"

#include <algorithm>
#include <utility>

namespace penstock::sinks::http {
namespace {

constexpr std::int64_t us_per_ms = 1'000;

}  // namespace

void Handshakes::get(model::SubscriptionNo subscription,
                     const std::function<HandshakeQuestion()>& question,
                     Ready ready) {
    std::shared_ptr<Known>& known = known_[subscription];
    if (!known) known = std::make_shared<Known>();
    const Result<Consent> consent = known->consent;
    if (consent) return ready(consent, 0);
    const std::int64_t now_us = clock_.steady_us();
    if (!known->asking && now_us < known->until_us) {
        const auto pause_ms = static_cast<std::uint32_t>((known->until_us - now_us) / us_per_ms);
        return ready(consent, pause_ms + 1);
    }
    known->waiting.push_back(std::move(ready));
    if (std::exchange(known->asking, true)) return;
    known->question = question();
    ask(known);
}

void Handshakes::ask(const std::shared_ptr<Known>& known) {
    client::Outgoing request;
    request.head = known->question.head;
    request.body = known->question.body;
    request.timeout_ms = known->question.timeout_ms;
    http_.send(
        known->question.url, std::move(request), [this, known](const client::Exchange& exchange) {
            known->asking = false;
            known->consent = judge_handshake(known->question, exchange, clock_.wall_ms());
            std::uint32_t pause_ms = 0;
            if (!known->consent) {
                pause_ms = known->pause_ms;
                known->until_us = clock_.steady_us() + pause_ms * us_per_ms;
                known->pause_ms = std::min(2 * pause_ms, handshake_pause_ms_last);
            }
            const auto told = known->consent;
            for (const Ready& ready : std::exchange(known->waiting, {})) {
                ready(told, pause_ms);
            }
        });
}

}  // namespace penstock::sinks::http
