#include "tests/model/samples.h"

namespace penstock::model::testing {

std::vector<CommandSample> transaction_samples() {
    Prepare prepare;
    prepare.queue = QueueNo{5};
    prepare.first_ordinal = 1;
    prepare.count = 2;
    prepare.first_query_s = 300;
    prepare.dedup_key = "k";
    ConfirmTransactions confirm;
    confirm.queue = QueueNo{5};
    confirm.items = {{MessageId{300}, true}, {MessageId{7}, false}};
    TakeChecks take;
    take.queue = QueueNo{5};
    take.max = 16;
    return {{"Prepare", prepare, "01012e050102ac02016b"},
            {"ConfirmTransactions", confirm, "01012f0502ac02010700"},
            {"TakeChecks", take, "0101300510"}};
}

}  // namespace penstock::model::testing
