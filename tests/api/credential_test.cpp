#include "broker/api/credential.h"

#include <gtest/gtest.h>

namespace penstock::api {

namespace {

using model::Role;

class Credentials : public ::testing::Test {
  protected:
    KeyBox box{std::string(KeyBox::key_bytes, 'k')};
};

// A box that hides nothing: what is sealed can be read and written by the test.
class GlassBox final : public SecretBox {
  public:
    [[nodiscard]] Result<std::string> seal(std::string_view secret,
                                           std::string_view /*owner*/) const override {
        return std::string(secret);
    }

    [[nodiscard]] Result<std::string> open(std::string_view sealed,
                                           std::string_view /*owner*/) const override {
        return std::string(sealed);
    }
};

TEST_F(Credentials, WhatIsSealedComesBackWhole) {
    const Credential made{
        "secret",
        {"AKIDone", {Role::operations, {{true, {"Get*", "List*"}, {"queue/a"}}}}, "of ann", 5, 6}};
    const auto sealed = seal_credential(box, made);
    ASSERT_TRUE(sealed.has_value());
    EXPECT_TRUE(is_sealed(*sealed));
    EXPECT_EQ(sealed->find("secret"), std::string::npos);
    const auto opened = open_credential(box, "AKIDone", *sealed);
    ASSERT_TRUE(opened.has_value()) << opened.error().detail;
    EXPECT_EQ(opened->secret, "secret");
    EXPECT_EQ(opened->view.key_id, "AKIDone");
    EXPECT_EQ(opened->view.access, made.view.access);
    EXPECT_EQ(opened->view.note, "of ann");
    EXPECT_EQ(opened->view.created_ms, 5);
    EXPECT_EQ(opened->view.ends_ms, 6);
    EXPECT_FALSE(open_credential(box, "AKIDtwo", *sealed).has_value());
}

TEST_F(Credentials, TheirFormIsFixed) {
    const Credential made{
        "s", {"AKIDone", {Role::viewer, {{true, {"Get*"}, {"queue/a", "*"}}}}, "ann", 1, 2}};
    const std::string golden(
        "\x01\x01s\x04\x01\x01\x01\x04Get*\x02\x07queue/a\x01*\x03"
        "ann\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0",
        43);
    EXPECT_EQ(*seal_credential(GlassBox(), made), golden);
    for (std::size_t bytes = 0; bytes < golden.size(); ++bytes) {
        EXPECT_FALSE(open_credential(GlassBox(), "AKIDone", golden.substr(0, bytes)).has_value())
            << bytes;
    }
    std::string strange = golden;
    strange[3] = 9;
    EXPECT_FALSE(open_credential(GlassBox(), "AKIDone", strange).has_value()) << "no role";
}

TEST_F(Credentials, PlainSecretsAreToldApart) {
    EXPECT_FALSE(is_sealed("penstock-dev-secret"));
    EXPECT_FALSE(is_sealed(""));
}

}  // namespace

}  // namespace penstock::api
