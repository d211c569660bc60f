#include "broker/api/signature.h"

#include <gtest/gtest.h>

namespace penstock::api {
namespace {

TEST(Signature, Sha1AndSha256FitThePublishedVectors) {
    const std::string begin =
        "POST127.0.0.1:8080/v2/index.php?Action=SendMessage&Nonce=12345&RequestClient=demo&"
        "SecretId=AKIDdemo0001&SignatureMethod=";
    const std::string end =
        "&Timestamp=1700000000&clientRequestId=77&delaySeconds=0&msgBody=hi & bye=1&"
        "queueName=orders";
    EXPECT_EQ(sign(SignatureMethod::hmac_sha1, "demoSecretKey0001", begin + "HmacSHA1" + end),
              "PJR/ugrJea0oqBWG7OjppucaZio=");
    EXPECT_EQ(sign(SignatureMethod::hmac_sha256, "demoSecretKey0001", begin + "HmacSHA256" + end),
              "M5G8meYPniluN/eWyJna3Hsi9Rz+oqizg1O3shetxqg=");
}

TEST(Signature, TakesEmptyAndLongKeysAsRfc2104Says) {
    EXPECT_EQ(sign(SignatureMethod::hmac_sha1, "", ""), "+9sdGxiqbAgyS31ktx+3Y3BpDh0=");
    // RFC 4231, test case 6: a key larger than the block.
    EXPECT_EQ(sign(SignatureMethod::hmac_sha256,
                   std::string(131, '\xaa'),
                   "Test Using Larger Than Block-Size Key - Hash Key First"),
              "YOQxWR7gtn8Niiaqy/W3f44LxiE3KMUUBUYEDw7jf1Q=");
}

TEST(Signature, ComparesWholeTexts) {
    EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
    EXPECT_TRUE(equal_in_constant_time("", ""));
    EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
    EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
    EXPECT_FALSE(equal_in_constant_time("abc", ""));
}

}  // namespace
}  // namespace penstock::api
