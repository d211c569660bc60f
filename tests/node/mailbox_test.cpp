#include "broker/node/mailbox.h"

#include <gtest/gtest.h>

#include <thread>

namespace penstock::node {

namespace {

class Numbered final : public Letter {
  public:
    explicit Numbered(int number) : number_(number) {}

    void open(Node& /*node*/) override {}

    [[nodiscard]] int number() const { return number_; }

  private:
    int number_;
};

int number_of(const std::unique_ptr<Letter>& letter) {
    return dynamic_cast<const Numbered&>(*letter).number();
}

}  // namespace

TEST(Mailbox, GivesLettersInTheOrderTheyCame) {
    Mailbox mailbox(10, 1'000);
    for (const int number : {1, 2, 3}) mailbox.put(std::make_unique<Numbered>(number));
    const auto letters = mailbox.take_all();
    ASSERT_EQ(letters.size(), 3U);
    EXPECT_EQ(number_of(letters[0]), 1);
    EXPECT_EQ(number_of(letters[2]), 3);
    EXPECT_TRUE(mailbox.empty());
}

TEST(Mailbox, RefusesCallsBeyondItsBounds) {
    Mailbox mailbox(2, 100);
    EXPECT_TRUE(mailbox.reserve(60));
    EXPECT_FALSE(mailbox.reserve(60)) << "too many bytes";
    EXPECT_TRUE(mailbox.reserve(40));
    EXPECT_FALSE(mailbox.reserve(0)) << "too many calls";
    mailbox.give_back(60);
    EXPECT_TRUE(mailbox.reserve(60));
}

TEST(Mailbox, KeepsTheOrderOfEachSenderAndLosesNothing) {
    constexpr int letters_each = 2'000;
    Mailbox mailbox(10, 1'000);
    const auto send = [&mailbox](int first) {
        for (int at = 0; at < letters_each; ++at) {
            mailbox.put(std::make_unique<Numbered>(first + at));
        }
    };
    std::thread low(send, 0);
    std::thread high(send, letters_each);
    int next_low = 0;
    int next_high = letters_each;
    while (next_low + next_high < 3 * letters_each) {
        for (const auto& letter : mailbox.take_all()) {
            int& next = number_of(letter) < letters_each ? next_low : next_high;
            ASSERT_EQ(number_of(letter), next);
            ++next;
        }
        mailbox.wait(std::chrono::milliseconds(10));
    }
    low.join();
    high.join();
    EXPECT_TRUE(mailbox.empty());
}

}  // namespace penstock::node
