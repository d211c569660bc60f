#include "plugins/cmq_http/multipart.h"
#include "tests/plugins/cmq_http/fixture.h"

#include <gtest/gtest.h>

namespace penstock::testing {
namespace {

using plugins::cmq::boundary_of;
using plugins::cmq::read_parts;

constexpr const char* boundary = "----x7";

// As the general Java and .NET clients write a form: a line break first, of headers only the name.
std::string parts_of(const Fields& fields) {
    std::string body;
    for (const auto& [name, value] : fields) {
        body += "\r\n--" + std::string(boundary) + "\r\n";
        body += "Content-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value;
    }
    return body + "\r\n--" + boundary + "--\r\n";
}

std::string disposition(const std::string& rest) {
    const std::string mark = "--" + std::string(boundary);
    return mark + "\r\n" + rest + "\r\n\r\nv\r\n" + mark + "--";
}

std::string only_name(const std::string& rest) {
    const std::string body = disposition(rest);
    const auto parts = read_parts(body, boundary, 1);
    return parts && parts->size() == 1 ? std::string(parts->front().name) : "malformed";
}

TEST(Multipart, FindsTheBoundaryOfFormsOnly) {
    EXPECT_EQ(boundary_of("multipart/form-data; boundary=----x7"), "----x7");
    EXPECT_EQ(boundary_of("Multipart/Form-Data ;charset=utf-8; Boundary=\"a b\""), "a b");
    EXPECT_EQ(boundary_of("application/x-www-form-urlencoded"), "");
    EXPECT_EQ(boundary_of("multipart/mixed; boundary=a"), "");
    EXPECT_EQ(boundary_of("multipart/form-data"), "");
    EXPECT_EQ(boundary_of("multipart/form-data; boundary=" + std::string(71, 'a')), "");
    EXPECT_EQ(boundary_of(""), "");
}

TEST(Multipart, ReadsPartsAsTheyAre) {
    const Fields fields{{"a", ""}, {"b.1", "x=1&y=%41+\r\n--not it\r\n"}, {"c", "\xe2\x82\xac"}};
    std::string body = parts_of(fields);
    for (const std::string& form : {body, body.substr(2), "preamble" + body, body + "after"}) {
        const auto parts = read_parts(form, boundary, 3);
        ASSERT_TRUE(parts.has_value());
        ASSERT_EQ(parts->size(), 3U);
        for (std::size_t at = 0; at < 3; ++at) {
            EXPECT_EQ(parts->at(at).name, fields[at].first);
            EXPECT_EQ(parts->at(at).value, fields[at].second);
        }
    }
    EXPECT_FALSE(read_parts(body, boundary, 2).has_value());
    EXPECT_EQ(read_parts("------x7--", boundary, 2)->size(), 0U) << "a form may be empty";
}

TEST(Multipart, NamesAPartByItsDisposition) {
    EXPECT_EQ(only_name("Content-Disposition: form-data; name=\"a\""), "a");
    EXPECT_EQ(only_name("content-type: text/plain\r\nCONTENT-DISPOSITION:form-data;Name=a"), "a");
    EXPECT_EQ(only_name("Content-Disposition: form-data; name=\"a\"; filename=\"f\""), "");
    EXPECT_EQ(only_name("Content-Disposition: form-data"), "");
    EXPECT_EQ(only_name("Content-Type: text/plain; name=a"), "");
}

TEST(Multipart, RefusesWhatIsCutOffOrNoForm) {
    const std::string body = parts_of({{"a", "b"}});
    for (std::size_t length = 0; length + 4 < body.size(); ++length) {
        EXPECT_FALSE(read_parts(body.substr(0, length), boundary, 8).has_value()) << length;
    }
    EXPECT_FALSE(read_parts("a=b&c=d", boundary, 8).has_value());
    std::string no_value = body;
    no_value.erase(no_value.find("\r\n\r\nb"), 5);
    EXPECT_FALSE(read_parts(no_value + body, boundary, 8).has_value()) << "headers without an end";
    EXPECT_FALSE(read_parts("------x7y" + body, boundary, 8).has_value()) << "a longer boundary";
}

TEST(Multipart, AFormPostedSoIsSignedAndReadAsAnyOther) {
    Cmq cmq;
    api::SentMessages sent;
    sent.ids.emplace_back(77);
    cmq.broker.answer_with<api::SendMessages>(sent);
    Fields fields = Cmq::complete(
        {{"Action", "SendMessage"}, {"queueName", "orders"}, {"msgBody", "a+b%41 & \xe2\x82\xac"}});
    const auto post = [&](const Fields& given) {
        auto request = Cmq::post(parts_of(given));
        request.headers = {{"content-type", "multipart/form-data; boundary=----x7"}};
        return cmq.send(std::move(request));
    };
    auto signed_fields = fields;
    signed_fields.emplace_back("Signature", Cmq::signature(fields));
    EXPECT_EQ(post(signed_fields).code(), 0);
    EXPECT_EQ(cmq.broker.last<api::SendMessages>()->messages.at(0).payload,
              "a+b%41 & \xe2\x82\xac");
    EXPECT_EQ(post(fields).message(), "(10390)lacked of required parameter Signature");
    signed_fields.emplace_back("queueName", "orders");
    EXPECT_EQ(post(signed_fields).message(),
              "(10330)parameter queueName is NOT a repeatable parameter");
    EXPECT_EQ(post(Fields{{"a b", "c"}}).message(), "(10310)error: parameter a b key format error");
    EXPECT_EQ(post(Fields{{"a", "\xff"}}).message(), "(10110)request parameters error");
    auto request = Cmq::post("Action=ListQueue");
    request.headers = {{"content-type", "multipart/form-data; boundary=----x7"}};
    EXPECT_EQ(cmq.send(request).message(), "(10110)request parameters error");
}

}  // namespace
}  // namespace penstock::testing
