#include "tests/simulation/referee.h"

#include "broker/base/random.h"
#include "broker/model/ids.h"

#include <algorithm>

namespace penstock::simulation {

namespace {

constexpr std::uint64_t padding_bytes_max = 3'000;

std::string complaint(const std::string& what, Token token, const std::string& place) {
    return "message " + std::to_string(token) + " in " + place + ": " + what;
}

bool is_subscription(const std::string& place) {
    return place.find('/') != std::string::npos;
}

}  // namespace

std::string payload_of(Token token) {
    SeededRandom random(token);
    std::string padding(random.below(padding_bytes_max), ' ');
    for (char& letter : padding) letter = static_cast<char>('a' + random.below(26));
    return std::to_string(token) + ":" + padding;
}

std::optional<Token> token_of(std::string_view payload) {
    const auto token = model::parse_decimal(payload.substr(0, payload.find(':')));
    if (!token || payload_of(*token) != payload) return {};
    return token;
}

void Referee::add_place(const std::string& place, const std::string& dead) {
    places_[place] = {dead, !is_subscription(place)};
}

Token Referee::begin_send(const std::vector<std::string>& places, model::TimeMs not_before_ms) {
    const Token token = next_++;
    Message& message = messages_[token];
    message.places = places;
    message.not_before_ms = not_before_ms;
    open_.insert(token);
    return token;
}

void Referee::end_send(Token token, Ending ending, std::optional<model::MessageId> id) {
    Message& message = messages_.at(token);
    message.sent = ending;
    message.ended = true;
    if (ending == Ending::done) ++acknowledged_;
    if (ending == Ending::refused) open_.erase(token);
    if (!id) return;
    if (message.id && *message.id != *id) {
        complaints_.push_back(complaint("has two ids", token, "the send's answer"));
    }
    message.id = id;
}

void Referee::judge(const Sight& sight, Complaints& complaints) const {
    const auto token = token_of(sight.payload);
    if (!token || !messages_.contains(*token)) {
        complaints.push_back("bytes that nobody sent came from " + sight.place);
        return;
    }
    const auto complain = [&](const std::string& what) {
        complaints.push_back(complaint(what, *token, sight.place));
    };
    const Message& message = messages_.at(*token);
    if (message.ended && message.sent == Ending::refused) complain("its send was refused");
    if (message.id && *message.id != sight.id) complain("has two ids");
    if (sight.now_ms < message.not_before_ms) complain("came before its delay was over");
    const auto known = copies_.find({*token, sight.place});
    if (known == copies_.end()) return;
    if (known->second.removed) complain("came after its acknowledged delete");
    const std::uint32_t least =
        known->second.count + (places_.at(sight.place).exact_counts ? 1 : 0);
    if (sight.count < least) {
        complain("its count restarted at " + std::to_string(sight.count) + " instead of " +
                 std::to_string(least));
    }
}

void Referee::seen(const Sight& sight) {
    judge(sight, complaints_);
    const auto token = token_of(sight.payload);
    if (!token || !messages_.contains(*token)) return;
    messages_.at(*token).id = sight.id;
    Copy& one = copy(sight.place, *token);
    one.count = std::max(one.count, sight.count);
}

void Referee::begin_remove(const std::string& place, Token token) {
    ++copy(place, token).removals;
}

void Referee::end_remove(const std::string& place, Token token, Ending ending) {
    Copy& one = copy(place, token);
    --one.removals;
    const bool may_return = rewinding_.contains(place);
    if (ending == Ending::done && !may_return) one.removed = true;
    if (ending == Ending::unknown || (ending == Ending::done && may_return)) one.doubted = true;
    close_if_gone(token);
}

void Referee::failed(const std::string& place, Token token, std::uint32_t number) {
    Copy& one = copy(place, token);
    one.count = std::max(one.count, number + 1);
}

void Referee::begin_clear(const std::string& queue) {
    std::set<Token>& before = clearing_[queue];
    before.clear();
    for (const Token token : open_) {
        const Message& message = messages_.at(token);
        for (const std::string& place : message.places) {
            if (place != queue) continue;
            copy(queue, token).doubted = true;
            // A send that is under way may come after the clear.
            if (message.ended && message.sent == Ending::done) before.insert(token);
        }
    }
}

void Referee::end_clear(const std::string& queue, Ending ending) {
    for (const Token token : std::exchange(clearing_[queue], {})) {
        if (ending == Ending::done) copy(queue, token).removed = true;
        close_if_gone(token);
    }
}

void Referee::allow_return(const std::string& queue) {
    for (auto& [key, one] : copies_) {
        if (key.second != queue) continue;
        one.count = 0;
        one.doubted = one.doubted || one.removed;
        one.removed = false;
    }
}

void Referee::begin_rewind(const std::string& queue) {
    allow_return(queue);
    rewinding_.insert(queue);
}

void Referee::end_rewind(const std::string& queue, Ending ending) {
    rewinding_.erase(queue);
    if (ending != Ending::refused) allow_return(queue);
}

void Referee::redriven(const std::string& queue) {
    for (const auto& [source, place] : places_) {
        if (place.dead != queue) continue;
        for (auto& [key, one] : copies_) {
            if (key.second == source || key.second == queue) one.count = 0;
        }
    }
}

bool Referee::is_gone(const std::string& place, Token token) const {
    const auto found = copies_.find({token, place});
    return found != copies_.end() && (found->second.removed || found->second.doubted);
}

bool Referee::may_be_gone(const std::string& place, Token token) const {
    const auto going = [&](const std::string& name) {
        const auto found = copies_.find({token, name});
        return found != copies_.end() && found->second.removals > 0;
    };
    const std::string& dead = places_.at(place).dead;
    return is_gone(place, token) || is_gone(dead, token) || going(place) || going(dead);
}

void Referee::close_if_gone(Token token) {
    for (const std::string& place : messages_.at(token).places) {
        if (!is_gone(place, token) && !is_gone(places_.at(place).dead, token)) return;
    }
    open_.erase(token);
}

void Referee::judge_all_there(const Found& found, Complaints& complaints) const {
    const auto is_in = [&](const std::string& place, Token token) {
        const auto tokens = found.find(place);
        return tokens != found.end() && tokens->second.contains(token);
    };
    for (const Token token : open_) {
        const Message& message = messages_.at(token);
        if (!message.ended || message.sent != Ending::done) continue;
        for (const std::string& place : message.places) {
            if (is_in(place, token) || may_be_gone(place, token)) continue;
            if (is_in(places_.at(place).dead, token)) continue;
            complaints.push_back(complaint("was acknowledged and is lost", token, place));
        }
    }
}

}  // namespace penstock::simulation
