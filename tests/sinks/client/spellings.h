// Spellings of targets, by what must become of them: hosts as they stand in a URL, parted by
// blanks, and whole URLs that are none.
#pragma once

#include <string_view>

namespace penstock::sinks::client::spellings {

// Each is an address, however it is written, and none of these may be pushed to.
inline constexpr std::string_view closed4 = R"(
127.0.0.1 127.0.0.2 127.255.255.254 127.1 127.0.1 127.000.000.001 127.00.0.1 0177.0.0.1 0177.0.1
0177.1 00177.0.0.1 0000000177.0.0.1 0x7f.0.0.1 0x7F.0.0.1 0X7F.1 0x7f.1 0x7f.0.1 0x7f.0x0.0x0.0x1
0x7f.0x000001 0x7f000001 0X7F000001 0x007f000001 2130706433 017700000001 0017700000001 0177.0x0.1
0x7f.00.1 127.0x1 127.01 127.0.01  127.0.0.01 127.65535 127.16777215 2130706434
2147483647 0x7fffffff

0 0.0 0.0.0 0.0.0.0 00 000000000000 0x0 0x00000000 0x0.0 0.0x0.0.0 1 0.1 0.0.0.1 00.00.00.01 0x1
16777215 0.255.255.255

169.254.169.254 169.254.43518 169.16689662 2852039166 0xa9fea9fe 0xA9FEA9FE 0xa9.0xfe.0xa9.0xfe
0251.0376.0251.0376 025177524776 0251.254.169.254 169.0376.0xa9.254 0xa9.254.43518 169.254.0xa9fe
169.254.0.1 0251.0376.1

10.0.0.1 10.1 10.0.1 012.0.0.1 0xa.0.0.1 0x0a000001 0xa000001 167772161 01200000001 10.255.255.255
10.16777215 172.16.0.1 172.16.1 0xac.16.1 0254.020.0.1 2886729729 0xac100001 172.31.255.255
192.168.0.1 192.168.1 192.168.257 0300.0250.0.1 0xc0.0xa8.0.1 0xc0a80001 3232235521 030052000001
192.11010049 100.64.0.1 100.64.1 0x64.0x40.0.1 1681915905 100.127.255.255

192.0.0.1 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1
0xe0.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 4294967295 0xffffffff 037777777777
0xff.0xff.0xff.0xff 0377.0377.0377.0377 255.16777215 255.255.65535
)";

inline constexpr std::string_view closed6 = R"(
[::1] [0:0:0:0:0:0:0:1] [0000:0000:0000:0000:0000:0000:0000:0001] [::0001] [0::1] [::0:1] [0:0::1]
[::0.0.0.1] [::] [0:0:0:0:0:0:0:0] [::0] [0::] [::127.0.0.1] [::7f00:1]

[::ffff:127.0.0.1] [::FFFF:127.0.0.1] [::ffff:7f00:1] [::ffff:7f00:0001] [0:0:0:0:0:ffff:127.0.0.1]
[0:0:0:0:0:ffff:7f00:1] [::ffff:0:127.0.0.1] [::ffff:0.0.0.0] [::ffff:10.0.0.1] [::ffff:a00:1]
[::ffff:172.16.0.1] [::ffff:192.168.0.1] [::ffff:c0a8:1] [::ffff:169.254.169.254]
[::ffff:a9fe:a9fe] [::169.254.169.254] [::ffff:8.8.8.8] [::8.8.8.8]

[64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b::a9fe:a9fe] [64:ff9b::10.0.0.1] [64:ff9b:1::7f00:1]
[64:ff9b::8.8.8.8] [2002:7f00:1::] [2002:7f00:1::1] [2002:a9fe:a9fe::1] [2002:a00:1::1]
[2002:c0a8:1::1] [2001::1] [2001:0:7f00:1::] [2001:0:0:0:0:0:80ff:fffe] [2001:10::1] [2001:20::1]

[2001:db8::1] [2001:0DB8::1] [3fff::1] [100::1] [fc00::1] [fd00::1] [fd00:ec2::254]
[FD00:EC2::254] [fe80::1] [fe80::a9fe:a9fe] [febf::1] [fec0::1] [ff02::1] [ff0e::1] [5f00::1]
[4000::1] [e000::1] [0:0:0:0:0:0:127.0.0.1] [0000::127.0.0.1]

localhost LOCALHOST LocalHost a.localhost localhost.localhost metadata.localhost
)";

// Public addresses, however written: a guard that closes everything guards nothing.
inline constexpr std::string_view open = R"(
8.8.8.8 0x08080808 134744072 010.8.8.8 010.010.010.010 0x8.0x8.0x8.0x8 8.526344 8.8.2056 1.1.1.1
1.1 1.257 93.184.216.34 0x5db8d822 1572395042 126.255.255.255 128.0.0.1 172.15.255.255 172.32.0.1
192.167.1.1 192.169.1.1 169.253.1.1 100.63.255.255 100.128.0.1 198.20.0.1 223.255.255.255
[2001:4860:4860::8888] [2001:4860:4860:0:0:0:0:8888] [2606:4700:4700::1111] [2003::1]
[2001:200::1]
)";

// Names, whatever number they look like: only a name server could make an address of them, and the
// guard judges that.
inline constexpr std::string_view named = R"(
localhost.example.com localhostx 127-0-0-1.example.com metadata.google.internal
0x7f.0.0.1.example.com 256.256.256.256 0x7g.1 08.1 127.0.0.256
4294967296 0x100000000 x127.0.0.1 0127.0.0.1a 1e3 a_b.example xn--127-0-0-1
instance-data 127.0.0.-1 -127.0.0.1 0b1111111.1 2130706433. 0x7f.1. 0177.0.0.1.
)";

// Names that begin with a whole address: Boost.URL 1.81 finds no name there. Refused, which is
// safe.
inline constexpr std::string_view misread_names = R"(
127.0.0.1.nip.io 1.0.0.127.in-addr.arpa 127.0.0.0.1 127.0.0.1. 127.0.0.1x 127.0.0.0x1
)";

// What stands behind or around a host changes nothing of it.
inline constexpr std::string_view closed_urls = R"(
HTTP://127.0.0.1/ hTTps://127.0.0.1/ https://127.0.0.1:443/ http://127.0.0.1:65535/
http://127.0.0.1:080/ http://127.0.0.1:00080/ http://127.0.0.1: http://127.0.0.1
http://127.0.0.1?x http://127.0.0.1?@8.8.8.8/ http://127.0.0.1/@8.8.8.8 http://127.0.0.1//8.8.8.8/
http://127.0.0.1/?url=http://8.8.8.8/ http://127.0.0.1/..%2f..%2f http://[::1]:80 http://[::1]?x
https://[::ffff:a9fe:a9fe]:8443/latest
)";

inline constexpr std::string_view open_urls = R"(
http://8.8.8.8/@127.0.0.1 http://8.8.8.8?@127.0.0.1/ http://8.8.8.8/?u=http://127.0.0.1/
http://8.8.8.8//127.0.0.1/ http://8.8.8.8:22/
)";

// No URLs of ours, or hosts that no two readers read alike.
inline constexpr std::string_view malformed = R"(
http http: http:/ http:// http:/// http://:80/ http:127.0.0.1 http:/127.0.0.1 //127.0.0.1/ 127.0.0.1
127.0.0.1:80 https//127.0.0.1 hhttp://127.0.0.1/ file:///etc/passwd gopher://127.0.0.1/
ftp://127.0.0.1/ dict://127.0.0.1:11211/ ldap://127.0.0.1/ javascript:alert(1) data:text/plain,x
unix:/run/docker.sock http+unix://%2Frun%2Fdocker.sock/ ws://127.0.0.1/ jar:http://127.0.0.1!/

http://user@127.0.0.1/ http://user:pass@127.0.0.1/ http://@127.0.0.1/ http://:@127.0.0.1/
http://8.8.8.8@127.0.0.1/ http://8.8.8.8:80@127.0.0.1/ http://example.com%40127.0.0.1/
http://127.0.0.1#@example.com/ http://example.com#@127.0.0.1/ http://127.0.0.1/#
http://127.0.0.1\@example.com/ http://example.com\@127.0.0.1/ http://127.0.0.1\/ http:\\127.0.0.1\

http://127.0.0.1%00.example.com/ http://127.0.0.1%0a/ http://127.0.0.1%2e/ http://%31%32%37.0.0.1/
http://127%2e0%2e0%2e1/ http://%6c%6f%63%61%6c%68%6f%73%74/ http://localhost%00/

http://127.0.0.1:0/ http://127.0.0.1:65536/ http://127.0.0.1:99999/ http://127.0.0.1:-1/
http://127.0.0.1:+80/ http://127.0.0.1:80:80/ http://127.0.0.1:0x50/ http://127.0.0.1:http/
http://127.0.0.1:80a/ http://127.0.0.1:18446744073709551696/ http://127.0.0.1:80@8.8.8.8:80/

http://[::1/ http://::1/ http://[::1]]/ http://[[::1]]/ http://[]/ http://[:]/ http://[:::1]/
http://[::1%25lo]/ http://[fe80::1%25eth0]/ http://[fe80::1%eth0]/ http://[::1%251]/
http://[127.0.0.1]/ http://[localhost]/ http://[v1.127.0.0.1]/ http://[vF.x]/
http://[::ffff:127.0.0.256]/ http://[::ffff:0x7f.0.0.1]/ http://[1:2:3:4:5:6:7:8:9]/ http://[::g]/
http://[::1]x/ http://x[::1]/ http://[::1].example.com/

http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/ http://１２７.0.0.1/ http://127。0。0。1/ http://127．0．0．1/ http://①②⑦.0.0.1/
http://example⁄com/ http://127.0.0.1,8.8.8.8/ http://127.0.0.1;8.8.8.8/ http://(127.0.0.1)/
http://$(hostname)/ http://`id`/ http://{127,0,0,1}/ http://*/ http://127.0.0.1|8.8.8.8/
http://"127.0.0.1"/ http://<127.0.0.1>/ http://127.0.0.1^/ http://127!0!0!1/ http://~/ http://a=b/
http://a&b/ http://a'b/ http://a+b/
)";

// With bytes that part the lists above.
inline constexpr std::string_view malformed_with_blanks[] = {
    "",
    " ",
    " http://127.0.0.1/",
    "\thttp://127.0.0.1/",
    "http s://127.0.0.1/",
    "http://127.0.0.1 /",
    "http://127.0.0.1\t/",
    "http://127.0.0.1\r\n/",
    "http://127.0.0.1: 80/",
    "http://127.0.0.1/\r\nHost: x",
    "http://127.0.0.1/\n",
    "http://127.0.0.1/a b",
    std::string_view("http://127.0.0.1/a\0b", 20),
    std::string_view("http://127.0.0.1\0.example.com/", 30),
    "http://127.0.0.1/\x7f",
    "http://127.0.0.1 @8.8.8.8/",
};

}  // namespace penstock::sinks::client::spellings
