// Condemned: data folders whose node must neither vote nor serve any more, now and at every later
// start. A file in the folder says so; it stays until somebody makes the folder all there is of its
// cluster (recovery.h). Before anything else touches the folder, or on the broker thread.
#pragma once

#include "broker/base/disk.h"
#include "broker/base/error.h"

#include <string>

namespace penstock::cluster {

enum class Verdict {
    state_differs,  // a set's rows differ from what a majority of its replicas holds
    disk_older,     // entries are gone that this node had confirmed
};

// Durable when it returns. `why` is for whoever opens the file: one line.
Result<void> condemn(Disk& disk,
                     const std::string& data_folder,
                     Verdict verdict,
                     const std::string& why);

// Error{damaged}, with what to do: the folder was condemned. Other errors are the disk's.
Result<void> refuse_condemned(Disk& disk, const std::string& data_folder);

// What was condemned no longer is; true: something was. Durable when it returns.
Result<bool> pardon(Disk& disk, const std::string& data_folder);

}  // namespace penstock::cluster
