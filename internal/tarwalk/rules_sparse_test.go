package tarwalk

import (
	"fmt"
	"strings"
)

// sparse1 is a file in format 1.0 whose map is this.
func sparse1(realSize int64, table, body string) string {
	return extended('x', "GNU.sparse.major", "1", "GNU.sparse.minor", "0", "GNU.sparse.name", "real", "GNU.sparse.realsize", fmt.Sprint(realSize)) +
		file('0', "GNUSparseFile.0/a", pad(table)+body) + head('0', "b", 0) + end
}

// sparse01 is a file in format 0.1 whose map is this.
func sparse01(table string, records ...string) string {
	return extended('x', append([]string{"GNU.sparse.map", table}, records...)...) + file('0', "a", "hi") + end
}

// sparse00 is a file in format 0.0 with these records.
func sparse00(records ...string) string {
	return extended('x', append([]string{"GNU.sparse.size", "100", "GNU.sparse.numblocks", "2"}, records...)...) + file('0', "a", "hi") + end
}

const (
	offsetKey = "GNU.sparse.offset"
	bytesKey  = "GNU.sparse.numbytes"
)

var sparseRules = []rule{
	{"old GNU", oldSparse("s", 5, 1<<20, pair(0, 5)+pair(1<<20, 0), false) + pad("hello") + one(), "S s> 1000:100 1048576; 0 a> 1000:100 0; EOF"},
	{"old GNU, no pairs", oldSparse("s", 0, 9, "", false) + one(), "S s> 1000:100 9; 0 a> 1000:100 0; EOF"},
	{"old GNU, more blocks", oldSparse("s", 2, 90, pair(1, 1)+pair(2, 1)+pair(3, 1)+pair(4, 1), true) +
		moreSparse(strings.Repeat(pair(5, 0), 21), true) + moreSparse(pair(5, 1), false) + pad("hi") + one(), "S s> 1000:100 90; 0 a> 1000:100 0; EOF"},
	{"old GNU, more blocks after a gap", oldSparse("s", 2, 90, pair(1, 1), true) + moreSparse("", true) + moreSparse(pair(5, 1), false) + pad("hi") + one(),
		"S s> 1000:100 90; 0 a> 1000:100 0; EOF"},
	{"old GNU, long name", file('L', "L", long300, gnu) + oldSparse("s", 0, 9, "", true) + moreSparse("", false) + one(),
		"S " + long300 + "> 1000:100 9; 0 a> 1000:100 0; EOF"},
	{"old GNU, 2047 blocks", oldSparse("s", 0, 9, "", true) + strings.Repeat(moreSparse("", true), 2046) + moreSparse("", false) + one(),
		"S s> 1000:100 9; 0 a> 1000:100 0; EOF"},
	{"old GNU, 2048 blocks", oldSparse("s", 0, 9, "", true) + strings.Repeat(moreSparse("", true), 2047) + moreSparse("", false) + one(), "sparse too long"},
	{"old GNU, pieces overlap", oldSparse("s", 0, 9, pair(0, 5)+pair(4, 1), false) + one(), "malformed"},
	{"old GNU, piece beyond the size", oldSparse("s", 0, 9, pair(5, 5), false) + one(), "malformed"},
	{"old GNU, piece overflows", oldSparse("s", 0, 9, maxInt256+maxInt256, false) + one(), "malformed"},
	{"old GNU, piece negative", oldSparse("s", 0, 9, minus1+pair(0, 0)[12:], false) + one(), "malformed"},
	{"old GNU, malformed pair", oldSparse("s", 0, 9, "zz", false) + one(), "malformed"},
	{"old GNU, malformed size", oldSparse("s", 0, 9, "", false, at(483, "zz")) + one(), "malformed"},
	{"old GNU, negative size", oldSparse("s", 0, 9, "", false, at(483, minus1)) + one(), "malformed"},
	{"old GNU, but ustar", file('S', "s", "hi") + end, "malformed"},
	{"old GNU, but star", file('S', "s", "hi", star) + end, "malformed"},
	{"old GNU ignores the records of PAX sparse", extended('x', "GNU.sparse.name", "n", "GNU.sparse.map", "zz") + oldSparse("s", 0, 9, "", false) + end,
		"S s> 1000:100 9; EOF"},

	{"0.0", sparse00(offsetKey, "0", bytesKey, "1", offsetKey, "9", bytesKey, "1"), "0 a> 1000:100 100; EOF"},
	{"0.0, over a map", sparse00("GNU.sparse.map", "zz", offsetKey, "0", bytesKey, "1", offsetKey, "9", bytesKey, "1", "GNU.sparse.map", "zz"), "0 a> 1000:100 100; EOF"},
	{"0.0, out of turn", sparse00(bytesKey, "0", offsetKey, "1", offsetKey, "9", bytesKey, "1"), "malformed"},
	{"0.0, twice the same", sparse00(offsetKey, "0", offsetKey, "0"), "malformed"},
	{"0.0, half a pair", sparse00(offsetKey, "0", bytesKey, "1", offsetKey, "5"), "malformed"},
	{"0.0, comma", sparse00(offsetKey, "0,1", bytesKey, "9,1"), "malformed"},
	{"0.0, empty", sparse00(offsetKey, "", bytesKey, "1", offsetKey, "9", bytesKey, "1"), "malformed"},
	{"0.0, one empty record is no map", extended('x', offsetKey, "") + one(), "0 a> 1000:100 0; EOF"},
	{"0.0, too many", sparse00(offsetKey, "0", bytesKey, "1", offsetKey, "9", bytesKey, "1", offsetKey, "10", bytesKey, "1"), "malformed"},

	{"0.1", sparse01("0,1,50,1", "GNU.sparse.numblocks", "2", "GNU.sparse.size", "77", "GNU.sparse.name", "real"), "0 real> 1000:100 77; EOF"},
	{"0.1, versions told", sparse01("0,1", "GNU.sparse.major", "0", "GNU.sparse.minor", "1", "GNU.sparse.numblocks", "1", "GNU.sparse.size", "77"), "0 a> 1000:100 77; EOF"},
	{"0.1, told, no map", extended('x', "GNU.sparse.major", "0", "GNU.sparse.minor", "1", "GNU.sparse.numblocks", "0") + one(), "0 a> 1000:100 0; EOF"},
	{"0.1, no count", sparse01("0,1", "GNU.sparse.size", "77"), "malformed"},
	{"0.1, wrong count", sparse01("0,1", "GNU.sparse.numblocks", "2", "GNU.sparse.size", "77"), "malformed"},
	{"0.1, negative count", sparse01("0,1", "GNU.sparse.numblocks", "-1", "GNU.sparse.size", "77"), "malformed"},
	{"0.1, count overflows when doubled", sparse01("0,1", "GNU.sparse.numblocks", "4611686018427387904"), "malformed"},
	{"0.1, odd", sparse01("0,1,2", "GNU.sparse.numblocks", "1", "GNU.sparse.size", "77"), "malformed"},
	{"0.1, comma at the end", sparse01("0,1,", "GNU.sparse.numblocks", "1", "GNU.sparse.size", "77"), "malformed"},
	{"0.1, not a number", sparse01("0,x", "GNU.sparse.numblocks", "1", "GNU.sparse.size", "77"), "malformed"},
	{"0.1, beyond the size", sparse01("77,1", "GNU.sparse.numblocks", "1", "GNU.sparse.size", "77"), "malformed"},
	{"0.1, size negative", sparse01("0,0", "GNU.sparse.numblocks", "1", "GNU.sparse.size", "-1"), "malformed"},
	{"0.1, size malformed", sparse01("0,0", "GNU.sparse.numblocks", "1", "GNU.sparse.size", "1x"), "malformed"},
	{"0.1, no size: that of the body", sparse01("0,2", "GNU.sparse.numblocks", "1"), "0 a> 1000:100 2; EOF"},
	{"0.1, of a folder", extended('x', "GNU.sparse.map", "0,0", "GNU.sparse.numblocks", "1") + head('5', "d", 0) + end, "malformed"},

	{"1.0", sparse1(100, "2\n0\n1\n99\n1\n", "xy"), "0 real> 1000:100 100; 0 b> 1000:100 0; EOF"},
	{"1.0, no pairs", sparse1(100, "0\n", ""), "0 real> 1000:100 100; 0 b> 1000:100 0; EOF"},
	{"1.0, map over more blocks", sparse1(1000, "200\n"+strings.Repeat("5\n0\n", 200), "xy"), "0 real> 1000:100 1000; 0 b> 1000:100 0; EOF"},
	{"1.0, map ends with its block", sparse1(100, strings.Repeat("0", 505)+"1\n0\n00\n", "xy"), "0 real> 1000:100 100; 0 b> 1000:100 0; EOF"},
	{"1.0, map in no time", sparse1(100, "1\n0\n", ""), "cut"},
	{"1.0, no newline", sparse1(100, "1", strings.Repeat("\x00", 600)), "cut"},
	{"1.0, map over 1 MiB", sparse1(100, "1"+mib, strings.Repeat("x", 1024)), "sparse too long"},
	{"1.0, map of 1 MiB", sparse1(100, strings.Repeat("0", 1<<20-1)+"\n", ""), "0 real> 1000:100 100; 0 b> 1000:100 0; EOF"},
	{"1.0, map a line over 1 MiB", sparse1(100, strings.Repeat("0", 1<<20)+"\n", ""), "sparse too long"},
	{"1.0, count negative", sparse1(100, "-1\n", ""), "malformed"},
	{"1.0, count overflows when doubled", sparse1(100, "4611686018427387904\n", ""), "malformed"},
	{"1.0, count huge", sparse1(100, "4611686018427387903\n", ""), "cut"},
	{"1.0, count not a number", sparse1(100, "x\n", ""), "malformed"},
	{"1.0, empty line", sparse1(100, "1\n\n1\n", ""), "malformed"},
	{"1.0, pieces overlap", sparse1(100, "2\n0\n9\n8\n1\n", ""), "malformed"},
	{"1.0, beyond the size", sparse1(100, "1\n99\n2\n", ""), "malformed"},
	{"1.0, negative", sparse1(100, "1\n-1\n2\n", ""), "malformed"},
	{"1.0, size negative", sparse1(-1, "0\n", ""), "malformed"},
	{"1.0, of a link", extended('x', "GNU.sparse.major", "1", "GNU.sparse.minor", "0") + head('1', "l", 0) + end, "malformed"},
	{"1.0, GNU.sparse.size over realsize", extended('x', "GNU.sparse.major", "1", "GNU.sparse.minor", "0", "GNU.sparse.realsize", "zz", "GNU.sparse.size", "7") +
		file('0', "a", pad("0\n")) + end, "0 a> 1000:100 7; EOF"},
	{"1.0, name over a GNU long name", file('L', "L", "gnu") + sparse1(100, "0\n", ""), "0 real> 1000:100 100; 0 b> 1000:100 0; EOF"},
	{"version of the future", extended('x', "GNU.sparse.major", "2", "GNU.sparse.minor", "0", "GNU.sparse.name", "n", "GNU.sparse.size", "zz", "GNU.sparse.map", "zz") + one(),
		"0 a> 1000:100 0; EOF"},
	{"half a version", extended('x', "GNU.sparse.major", "1", "GNU.sparse.map", "zz") + one(), "0 a> 1000:100 0; EOF"},
	{"no version, no map", extended('x', "GNU.sparse.name", "n", "GNU.sparse.size", "5") + one(), "0 a> 1000:100 0; EOF"},
}
