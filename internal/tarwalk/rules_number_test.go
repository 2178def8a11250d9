package tarwalk

// The largest numbers that a field of 8 bytes takes in base 256, and the one of
// 12 that an int64 does.
const (
	max256     = "\x80\xff\xff\xff\xff\xff\xff\xff"
	min256     = "\xff\x00\x00\x00\x00\x00\x00\x00"
	maxInt256  = "\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff"
	overInt256 = "\x80\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00"
	minus1     = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
)

func one(sets ...set) string { return head('0', "a", 0, sets...) + end }

var numberRules = []rule{
	{"octal, no terminator", one(uid("77777777")), "0 a> 16777215:100 0; EOF"},
	{"octal, space for NUL", one(uid("0001750 ")), "0 a> 1000:100 0; EOF"},
	{"octal, six digits, space and NUL", one(uid("001750 \x00")), "0 a> 1000:100 0; EOF"},
	{"octal, spaces before", one(uid("   1750\x00")), "0 a> 1000:100 0; EOF"},
	{"octal, NULs and spaces around", one(uid("\x00 \x0017 \x00 ")), "0 a> 15:100 0; EOF"},
	{"octal, ends at a NUL inside", one(uid("17\x00garbg")), "0 a> 15:100 0; EOF"},
	{"octal, space inside", one(uid("17 17\x00\x00\x00")), "malformed"},
	{"octal, none", one(uid("\x00\x00\x00\x00\x00\x00\x00\x00"), gid("        ")), "0 a> 0:0 0; EOF"},
	{"octal, digit 8", one(uid("0000008\x00")), "malformed"},
	{"octal, digit 9 last", one(gid("00000009")), "malformed"},
	{"octal, sign", one(uid("-000001\x00")), "malformed"},
	{"octal, plus", one(uid("+000001\x00")), "malformed"},
	{"octal, 0x", one(uid("0x00001\x00")), "malformed"},
	{"octal, underscore", one(uid("0000_01\x00")), "malformed"},
	{"octal, byte just outside the digits", one(uid("000000/\x00")), "malformed"},
	{"octal, high byte inside", one(uid("0000\xb001\x00")), "malformed"},
	{"base 256", one(uid("\x80\x00\x00\x00\x5a\x64\x7b\xdb"), gid("\x80\x00\x00\x00\x00\x01\x00\x00")), "0 a> 1516534747:65536 0; EOF"},
	{"base 256, beyond 32 bits", one(uid(max256), gid("\x80\x00\x00\x01\x00\x00\x00\x00")), "0 a> 72057594037927935:4294967296 0; EOF"},
	{"base 256, negative", one(uid(minus1[:8]), gid(min256)), "0 a> -1:-72057594037927936 0; EOF"},
	{"base 256, seven bits in the first byte", one(uid("\xbf\xff\xff\xff\xff\xff\xff\xff")), "0 a> 4611686018427387903:100 0; EOF"},
	{"base 256, most negative in the first byte", one(uid("\xc0\x00\x00\x00\x00\x00\x00\x00")), "0 a> -4611686018427387904:100 0; EOF"},
	{"base 256, overflow by bytes", one(mtime("\x80\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")), "malformed"},
	{"base 256, overflow by a bit", one(mtime(overInt256)), "malformed"},
	{"base 256, largest time", one(mtime(maxInt256)), "0 a> 1000:100 0; EOF"},
	{"base 256, size", head('0', "a", 0, size("\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02")) + pad("hi") + head('0', "b", 0) + end,
		"0 a> 1000:100 2; 0 b> 1000:100 0; EOF"},
	{"size, largest", one(size(maxInt256)), "0 a> 1000:100 9223372036854775807; cut"},
	{"size, overflow", one(size(overInt256)), "malformed"},
	{"size, negative", one(size(minus1)), "malformed"},
	{"size, negative, of a folder", head('5', "d", 0, size(minus1)) + end, "5 d> 1000:100 -1; EOF"},
	{"size, negative, of a folder of old", head(0, "d/", 0, size(minus1)) + end, "malformed"},
	{"size, negative, of a PAX header", head('x', "x", 0, size(minus1)) + end, "malformed"},
	{"size, malformed", one(size("zz")), "malformed"},
	{"size, twelve digits", head('0', "a", 0, size("000000000002")) + pad("hi") + end, "0 a> 1000:100 2; EOF"},
	{"size, malformed in the last digit", one(size("00000000009\x00")), "malformed"},
	{"size, malformed in the first digit", one(size("80000000000\x00")), "malformed"},
	{"mode, malformed", one(mode("rw-r--r-")), "malformed"},
	{"mode, empty", one(mode("\x00\x00\x00\x00\x00\x00\x00\x00")), "0 a> 1000:100 0; EOF"},
	{"mtime, malformed", one(mtime("yesterday")), "malformed"},
	{"device number, malformed", one(major("zz")), "malformed"},
	{"minor device number, malformed", one(minor("zz")), "malformed"},
	{"device numbers are not of v7", one(v7, major("zz"), minor("zz")), "0 a> 1000:100 0; EOF"},
	{"device numbers, malformed, GNU", one(gnu, major("zz")), "malformed"},
	{"a malformed PAX header", head('x', "x", 0, mode("zz")) + one(), "malformed"},
}
