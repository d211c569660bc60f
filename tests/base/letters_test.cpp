#include "broker/base/letters.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

namespace penstock {
namespace {

// A text with a page behind it that nobody may read.
class AtTheEdge {
public:
    explicit AtTheEdge(std::string_view text)
        : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))),
          pages_(static_cast<char*>(mmap(nullptr,
                                         2 * page_,
                                         PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS,
                                         -1,
                                         0))),
          text_(pages_ + page_ - text.size(), text.size()) {
        std::memcpy(pages_ + page_ - text.size(), text.data(), text.size());
        EXPECT_EQ(mprotect(pages_ + page_, page_, PROT_NONE), 0);
    }
    AtTheEdge(const AtTheEdge&) = delete;
    AtTheEdge& operator=(const AtTheEdge&) = delete;
    ~AtTheEdge() { munmap(pages_, 2 * page_); }

    [[nodiscard]] std::string_view text() const { return text_; }

private:
    std::size_t page_;
    char* pages_;
    std::string_view text_;
};

TEST(Letters, CaseDoesNotCountAndNothingElseIsTheSame) {
    EXPECT_TRUE(same_letters("Content-Length", "content-LENGTH"));
    EXPECT_TRUE(same_letters("", ""));
    EXPECT_FALSE(same_letters("true", "tru"));
    EXPECT_FALSE(same_letters("true", "truf"));
    EXPECT_FALSE(same_letters("[", "{"));         // 32 apart, as A and a are
    EXPECT_FALSE(same_letters("\xC4", "\xE4"));  // letters in Latin-1 only
    EXPECT_EQ(lowered("Az[\xC4"), "az[\xC4");
}

// Found by fuzzing a form that ended in `FALsE`: boost::beast::iequals reads one byte more.
TEST(Letters, ReadsNothingBeyondTheEnd) {
    const AtTheEdge value("FALsE");
    EXPECT_TRUE(same_letters(value.text(), "false"));
    EXPECT_TRUE(same_letters("false", value.text()));
    EXPECT_EQ(lowered(value.text()), "false");
}

}  // namespace
}  // namespace penstock
