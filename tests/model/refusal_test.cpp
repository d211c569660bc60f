#include "broker/model/refusal.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace penstock::model {
namespace {

TEST(Refusal, EveryReasonHasASnakeCaseNameOfItsOwn) {
    std::set<std::string> names;
    int reasons = 0;
    for (int at = 0; at <= static_cast<int>(Reason::storage_quota); ++at, ++reasons) {
        const std::string name(to_text(static_cast<Reason>(at)));
        EXPECT_FALSE(name.empty()) << at;
        EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos) << name;
        names.insert(name);
    }
    EXPECT_EQ(names.size(), static_cast<std::size_t>(reasons));
}

TEST(Refusal, NamesAreTheNativeApisCodes) {
    EXPECT_EQ(to_text(Reason::queue_not_found), "queue_not_found");
    EXPECT_EQ(to_text(Reason::invalid_parameter), "invalid_parameter");
    EXPECT_EQ(to_text(Reason::script_not_found), "script_not_found");
}

}  // namespace
}  // namespace penstock::model
