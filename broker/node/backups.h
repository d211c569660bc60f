// Backups: copies of sets that this node leads, made for whoever asks over /v1 and handed out in
// pieces. One a set at a time; a copy that nobody reads for a minute goes. While a set is held,
// what it sends to other sets waits, so that copies of all sets taken meanwhile fit together.
// Owned by the Node, broker thread only. A disk that fails ends one copy, whoever asks is told.
#pragma once

#include "broker/api/requests.h"
#include "broker/base/clock.h"
#include "broker/model/refusal.h"
#include "broker/node/set_snapshot.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace penstock::node {

inline constexpr std::int64_t backup_hold_us = 15'000'000;  // what is between sets waits so long
inline constexpr std::int64_t backup_idle_us = 60'000'000;  // then nobody reads any more

class Backups {
  public:
    Backups(Disk& disk, const Clock& clock, const std::string& data_folder, OpenView open_view);

    // Removes what an earlier run has left.
    Result<void> clear();

    // Asked of a set that is led here, whose rows are shown to be current.
    model::Outcome<api::BackupView> change(Node& node,
                                           HostedSet& set,
                                           const api::ChangeBackup& request);
    model::Outcome<api::BackupView> look(const api::GetBackup& request);

    using Give = std::function<void(model::Outcome<api::BackupPiece>)>;  // any thread
    void read(Node& node, const api::ReadBackup& request, Give give);

    // Removes copies nobody reads.
    void tend(Node& node, std::int64_t now_us);

    // Monotonic microseconds at which tend() has something to do.
    [[nodiscard]] std::int64_t next_us() const;

  private:
    struct Copy {
        std::uint64_t backup = 0;
        std::int64_t heard_us = 0;
        std::int64_t held_until_us = 0;
        model::LogIndex flushed_to = 0;  // the rows are flushed that far first
        model::LogIndex index = 0;
        SnapshotPtr source;                      // being made,
        std::shared_ptr<SnapshotReader> reader;  // or complete
        std::shared_ptr<const std::string> manifest;
        std::optional<Error> failed;
    };

    model::Outcome<api::BackupView> hold(Node& node,
                                         HostedSet& set,
                                         const api::ChangeBackup& request);
    model::Outcome<api::BackupView> begin(Node& node, HostedSet& set, Copy& copy);
    void prepare(Node& node, model::SetId set);
    void prepared(Node& node,
                  model::SetId set,
                  const SnapshotPtr& source,
                  const Result<bool>& complete);
    void end(Node& node, model::SetId set);
    [[nodiscard]] Copy* find(std::uint32_t set, std::uint64_t backup);
    [[nodiscard]] std::string folder_of(model::SetId set, std::uint64_t backup) const;
    static model::Outcome<api::BackupView> view_of(const Copy& copy);

    Disk& disk_;
    const Clock& clock_;
    std::string parent_;
    OpenView open_view_;
    std::map<model::SetId, Copy> copies_;
};

}  // namespace penstock::node
