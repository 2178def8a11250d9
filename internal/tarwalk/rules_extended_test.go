package tarwalk

import "strings"

// pax1 is one file after a PAX header with these records.
func pax1(records ...string) string { return extended('x', records...) + file('0', "a", "hi") + end }

// paxRaw is one file after a PAX header with this body.
func paxRaw(body string) string { return file('x', "x", body) + file('0', "a", "hi") + end }

// longFile is one file after a GNU long name or link.
func longFile(typ byte, name string) string {
	return file(typ, "././@LongLink", name, gnu) + head('2', "a", 0, gnu, link("l")) + end
}

var mib = strings.Repeat("x", 1<<20)

var extendedRules = []rule{
	{"PAX owner", pax1("uid", "1516583083", "gid", "65536"), "0 a> 1516583083:65536 2; EOF"},
	{"PAX owner, negative", pax1("uid", "-1", "gid", "-9223372036854775808"), "0 a> -1:-9223372036854775808 2; EOF"},
	{"PAX owner, largest", pax1("uid", "9223372036854775807", "gid", "+7"), "0 a> 9223372036854775807:7 2; EOF"},
	{"PAX owner, overflow", pax1("uid", "9223372036854775808"), "malformed"},
	{"PAX owner, far overflow", pax1("uid", "99999999999999999999"), "malformed"},
	{"PAX owner, overflow below", pax1("gid", "-9223372036854775809"), "malformed"},
	{"PAX owner, zeros before", pax1("uid", "00000000000000000000000000001"), "0 a> 1:100 2; EOF"},
	{"PAX owner, not a number", pax1("uid", "1000 "), "malformed"},
	{"PAX owner, a sign alone", pax1("uid", "-"), "malformed"},
	{"PAX owner, underscore", pax1("uid", "1_0"), "malformed"},
	{"PAX owner, empty", pax1("uid", "", "gid", ""), "0 a> 1000:100 2; EOF"},
	{"PAX, the last record counts", pax1("uid", "zz", "uid", "5", "gid", "5", "gid", ""), "0 a> 5:100 2; EOF"},
	{"PAX names", pax1("path", long300, "linkpath", "tö"), "0 " + long300 + ">tö 1000:100 2; EOF"},
	{"PAX names, empty", pax1("path", "", "linkpath", ""), "0 a> 1000:100 2; EOF"},
	{"PAX name with an equals sign and a newline", pax1("path", "a=b\nc"), "0 a=b\nc> 1000:100 2; EOF"},
	{"PAX name over the prefix", extended('x', "path", "whole") + head('0', "a", 0, prefix("p")) + end, "0 whole> 1000:100 0; EOF"},
	{"PAX size", extended('x', "size", "600") + head('0', "a", 1) + end + head('0', "b", 0) + end, "0 a> 1000:100 600; 0 b> 1000:100 0; EOF"},
	{"PAX size, negative", pax1("size", "-1"), "malformed"},
	{"PAX size, negative, of a folder", extended('x', "size", "-1") + head('5', "d", 0) + end, "5 d> 1000:100 -1; EOF"},
	{"PAX size does not mend a negative one", extended('x', "size", "0") + one(size(minus1)), "malformed"},
	{"PAX size, largest", pax1("size", "9223372036854775807"), "0 a> 1000:100 9223372036854775807; cut"},
	{"PAX size, overflow", pax1("size", "9223372036854775808"), "malformed"},
	{"PAX times", pax1("mtime", "-1.5", "atime", "1", "ctime", "1."), "0 a> 1000:100 2; EOF"},
	{"PAX time, malformed", pax1("mtime", "now"), "malformed"},
	{"PAX time, no seconds", pax1("atime", ".5"), "malformed"},
	{"PAX time, malformed fraction", pax1("ctime", "1.2.3"), "malformed"},
	{"PAX time, overflow", pax1("ctime", "9223372036854775808"), "malformed"},
	{"PAX other records", pax1("uname", "me", "comment", "x\x00", "SCHILY.xattr.user.x", "\x00", "LIBARCHIVE.creationtime", "zz"), "0 a> 1000:100 2; EOF"},
	{"PAX, NUL in a name", pax1("path", "a\x00b"), "malformed"},
	{"PAX, NUL in a link", pax1("linkpath", "a\x00b"), "malformed"},
	{"PAX, NUL in a user", pax1("uname", "a\x00b"), "malformed"},
	{"PAX, NUL in a group", pax1("gname", "a\x00b"), "malformed"},
	{"PAX, NUL in a key", pax1("a\x00b", "x"), "malformed"},
	{"PAX, no record", paxRaw(""), "0 a> 1000:100 2; EOF"},
	{"PAX, no key", paxRaw("6 =xx\n"), "malformed"},
	{"PAX, no equals sign", paxRaw("6 xxx\n"), "malformed"},
	{"PAX, no newline", paxRaw("8 uid=1x"), "malformed"},
	{"PAX, no space", paxRaw("8uid=1\n"), "malformed"},
	{"PAX, length too long", paxRaw("9 uid=1\n"), "malformed"},
	{"PAX, length too short", paxRaw("4 a\n"), "malformed"},
	{"PAX, length within itself", paxRaw("0000000008 u=1\n"), "malformed"},
	{"PAX, length up to the space", paxRaw("00007 u=1\n"), "malformed"},
	{"PAX, length with zeros", paxRaw("0010 u=11\n"), "0 a> 1000:100 2; EOF"},
	{"PAX, length with a sign", paxRaw("+9 uid=1\n"), "0 a> 1:100 2; EOF"},
	{"PAX, length negative", paxRaw("-9 uid=1\n"), "malformed"},
	{"PAX, length overflows", paxRaw("99999999999999999999 uid=1\n"), "malformed"},
	{"PAX, NULs after the records", paxRaw("8 uid=1\n\x00"), "malformed"},
	{"PAX, only the last header counts", extended('x', "uid", "1") + extended('x', "gid", "2") + one(), "0 a> 1000:2 0; EOF"},
	{"PAX, a malformed header that does not count", extended('x', "uid", "zz") + extended('x', "gid", "2") + one(), "0 a> 1000:2 0; EOF"},
	{"PAX, one entry long", extended('x', "uid", "1") + head('0', "a", 0) + one(), "0 a> 1:100 0; 0 a> 1000:100 0; EOF"},
	{"PAX header of 1 MiB", paxRaw(oneRecord("comment", mib[:1<<20-17])), "0 a> 1000:100 2; EOF"},
	{"PAX header over 1 MiB", paxRaw(oneRecord("comment", mib)), "too long"},
	{"PAX header that claims the world", head('x', "x", 1<<33-1) + end, "too long"},
	{"PAX of Sun", file('X', "X", rec("uid", "1")) + one(), "X X> 1000:100 8; 0 a> 1000:100 0; EOF"},

	{"global", extended('g', "comment", "x") + one(), "g PaxHeaders> 0:0 0; 0 a> 1000:100 0; EOF"},
	{"global is not merged", extended('g', "uid", "5", "path", "p", "size", "9") + one(), "g p> 0:0 0; 0 a> 1000:100 0; EOF"},
	{"global with a malformed number", extended('g', "uid", "zz") + one(), "g PaxHeaders> 0:0 0; 0 a> 1000:100 0; EOF"},
	{"global with a malformed record", file('g', "g", "zz") + one(), "malformed"},
	{"global over 1 MiB", file('g', "g", oneRecord("comment", mib)) + one(), "too long"},
	{"global drops what came before it", extended('x', "uid", "1") + file('L', "L", "long", gnu) + extended('g', "gid", "2") + one(),
		"g PaxHeaders> 0:0 0; 0 a> 1000:100 0; EOF"},

	{"GNU long name", longFile('L', long300+"\x00"), "2 " + long300 + ">l 1000:100 0; EOF"},
	{"GNU long link", longFile('K', long300), "2 a>" + long300 + " 1000:100 0; EOF"},
	{"GNU long name ends at a NUL", longFile('L', "one\x00two"), "2 one>l 1000:100 0; EOF"},
	{"GNU long name, empty", longFile('L', ""), "2 a>l 1000:100 0; EOF"},
	{"GNU long name, NUL first", longFile('L', "\x00x"), "2 a>l 1000:100 0; EOF"},
	{"GNU long name of 1 MiB", longFile('L', mib), "2 " + mib + ">l 1000:100 0; EOF"},
	{"GNU long name over 1 MiB", longFile('L', mib+"x"), "too long"},
	{"GNU long name and link", file('K', "K", "link\x00", gnu) + longFile('L', "name\x00"), "2 name>link 1000:100 0; EOF"},
	{"GNU long name, the last counts", file('L', "L", "one") + longFile('L', "two"), "2 two>l 1000:100 0; EOF"},
	{"GNU long name over PAX", file('L', "L", "gnu") + pax1("path", "pax"), "0 gnu> 1000:100 2; EOF"},
	{"GNU long name makes a folder of old", file('L', "L", "d/") + head(0, "a", 3) + end, "5 d/> 1000:100 3; EOF"},
	{"PAX name makes a folder of old", extended('x', "path", "d/") + head(0, "a", 3) + end, "5 d/> 1000:100 3; EOF"},
}
