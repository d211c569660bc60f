// The track of one message: what it was sent to, where it stands, the attempts of its deliveries.
#include "broker/core/letter_query.h"
#include "broker/core/records.h"
#include "broker/model/attempt.h"
#include "broker/node/attempt_view.h"
#include "broker/node/entry_bodies.h"
#include "broker/node/operations.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <variant>

namespace penstock::node {

namespace {

constexpr std::uint32_t track_rows_max = 1'000;  // of each subscription, looked through

// The queue or topic a body was sent to, by a publisher or a handler, or where an edited letter
// went back to, from its entry's commands.
std::optional<model::ObjectNo> holder_of(const model::Rows& rows,
                                         const std::vector<model::Command>& commands,
                                         std::uint32_t ordinal) {
    const auto within = [ordinal](std::uint32_t first, std::uint32_t count) {
        return ordinal >= first && ordinal - first < count;
    };
    for (const model::Command& command : commands) {
        const auto* send = std::get_if<model::Send>(&command);
        if (send != nullptr && within(send->first_ordinal, send->count)) return send->queue;
        const auto* prepare = std::get_if<model::Prepare>(&command);
        if (prepare != nullptr && within(prepare->first_ordinal, prepare->count)) {
            return prepare->queue;
        }
        const auto* publish = std::get_if<model::Publish>(&command);
        if (publish != nullptr && within(publish->first_ordinal, publish->count)) {
            return publish->topic;
        }
        const auto* edit = std::get_if<model::EditLetter>(&command);
        if (edit != nullptr && within(edit->ordinal, 1)) {
            return core::source_of_letter(rows, edit->queue, edit->sequence);
        }
        const auto* settle = std::get_if<model::Settle>(&command);
        if (settle == nullptr) continue;
        for (const model::HandlerCommit& commit : settle->commits) {
            for (const model::Output& output : commit.outputs) {
                if (within(output.ordinal, 1)) return output.target.number;
            }
        }
    }
    return {};
}

std::string_view to_text(model::ObjectKind kind) {
    switch (kind) {
        case model::ObjectKind::topic:
            return "topic";
        case model::ObjectKind::subscription:
            return "subscription";
        case model::ObjectKind::queue:
        case model::ObjectKind::dead_letter_queue:
            break;
    }
    return "queue";
}

// Where the attempts of one place's deliveries may be.
struct AttemptRows {
    std::vector<core::TrackRow> rows;
    std::vector<std::size_t> places;  // per row: index into the track's places
};

void collect_attempts(const model::Rows& rows,
                      const core::MessagePlace& place,
                      std::size_t place_at,
                      model::LogIndex oldest,
                      AttemptRows& found) {
    for (core::TrackRow& row :
         core::track_rows(rows, place.object, model::MessageId(), oldest, track_rows_max)) {
        // What was sent back or replayed has a sequence of its own; its message tells it apart.
        const bool delivered_anew = row.last >= core::private_sequences;
        const bool holds_place = place.sequence >= row.first && place.sequence <= row.last;
        if (!holds_place && !delivered_anew) continue;
        found.rows.push_back(std::move(row));
        found.places.push_back(place_at);
    }
}

void add_attempts(api::MessageTrack& track,
                  const AttemptRows& found,
                  const std::vector<FetchedBody>& bodies) {
    // Newest rows came first; a track is read from the oldest on.
    for (std::size_t at = found.rows.size(); at-- > 0;) {
        api::TrackPlace& place = track.places[found.places[at]];
        const std::size_t slash = place.object.find('/');
        for (const model::Attempt& attempt : attempts_of(bodies[at], found.rows[at])) {
            if (attempt.message != track.id) continue;
            std::string name = slash == std::string::npos ? "" : place.object.substr(slash + 1);
            place.attempts.push_back(
                view_of(attempt, place.object.substr(0, slash), std::move(name)));
        }
    }
}

}  // namespace

void Operations::run(const CallPtr& call, const api::TrackMessage& request) {
    const model::Refusal missing{model::Reason::message_not_found,
                                 model::to_text(request.id),
                                 "nothing is known of it, or no longer"};
    const model::LogIndex index = request.id.index();
    if (request.id.set() != desk_.data.set()) return refuse(call, missing);
    api::MessageTrack track;
    track.id = request.id;
    track.log_index = index;
    const model::Rows& rows = desk_.data.rows();
    std::optional<model::ObjectNo> holder;
    const auto visit = [&](const storage::StoredEntry& entry) {
        const auto commands = model::decode_commands(entry.commands);
        if (entry.index == index && commands)
            holder = holder_of(rows, *commands, request.id.ordinal());
        track.sent_ms = entry.time_ms;
        return false;
    };
    // Records of what is held outlive the log's beginning.
    const auto scanned = desk_.store.scan_records(desk_.data.set(), index, visit);
    if (!scanned || !holder) return refuse(call, missing);
    track.sent_to = desk_.names.name_of(*holder);
    AttemptRows found;
    for (const core::MessagePlace& place :
         core::message_places(desk_.data.rows(), request.id, *holder, track.sent_ms)) {
        const auto name = core::find_number(desk_.names.rows(), place.object);
        api::TrackPlace view;
        view.object = name ? name->name : std::to_string(place.object.value);
        view.kind = name ? to_text(name->kind) : "gone";
        view.state = place.state;
        view.count = place.count;
        view.due_ms = place.due_ms;
        if (name && name->kind == model::ObjectKind::subscription) {
            collect_attempts(desk_.data.rows(), place, track.places.size(), index, found);
        }
        track.places.push_back(std::move(view));
    }
    std::vector<model::MessageId> ids;
    for (const core::TrackRow& row : found.rows) ids.push_back(row.attempts);
    ids.push_back(request.id);
    auto fetched = [call, found = std::move(found), track = std::move(track)](
                       std::vector<FetchedBody> bodies) mutable {
        if (bodies.back()) {
            // What it tells needs no key.
            model::BodyInfo info = info_of(bodies.back()->bytes);
            track.meta = std::move(info.meta);
            track.payload_bytes = info.payload_bytes;
        }
        add_attempts(track, found, bodies);
        if (!call->claim()) return;
        call->answer(std::any(Outcome<api::MessageTrack>(std::move(track))));
    };
    desk_.bodies.fetch(ids, call->executor(), std::move(fetched), BodyForm::stored);
}

}  // namespace penstock::node
