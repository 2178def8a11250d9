package tarwalk

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// rule is an archive and what is to be read from it, as told by tell.
type rule struct {
	name, data string
	want       string
}

// tell says what a walk saw: "type name>link uid:gid size; …; error".
func tell(w walked, err error) string {
	var s strings.Builder
	for _, e := range w.Entries {
		fmt.Fprintf(&s, "%c %s>%s %d:%d %d; ", e.Type, e.Name, e.Linkname, e.UID, e.GID, e.Size)
	}
	return s.String() + cause(err)
}

func cause(err error) string {
	for name, is := range map[string]error{
		"EOF": io.EOF, "malformed": tar.ErrHeader, "cut": io.ErrUnexpectedEOF, "too long": tar.ErrFieldTooLong, "sparse too long": errSparseTooLong,
	} {
		if errors.Is(err, is) {
			return name
		}
	}
	return err.Error()
}

var allRules = [][]rule{blockRules, numberRules, extendedRules, sparseRules, cutRules}

func TestRules(t *testing.T) {
	for _, rules := range allRules {
		for _, r := range rules {
			t.Run(r.name, func(t *testing.T) {
				w, err := walk(strings.NewReader(r.data), noBodies)
				assert.Equal(t, tell(w, err), r.want)
				agree(t, []byte(r.data))
			})
		}
	}
}

var (
	long100 = strings.Repeat("n", 100)
	long155 = strings.Repeat("p", 155)
	long300 = strings.Repeat("long/", 60)
)

var blockRules = []rule{
	{"no bytes at all", "", "EOF"},
	{"no entry", end, "EOF"},
	{"no end", head('0', "a", 0), "0 a> 1000:100 0; EOF"},
	{"one block of zeros", head('0', "a", 0) + end[:512], "0 a> 1000:100 0; EOF"},
	{"zeros, then data", head('0', "a", 0) + end[:512] + head('0', "b", 0) + end, "0 a> 1000:100 0; malformed"},
	{"entries after the end", head('0', "a", 0) + end + head('0', "b", 0), "0 a> 1000:100 0; EOF"},
	{"body", file('0', "a", "hello") + head('0', "b", 0) + end, "0 a> 1000:100 5; 0 b> 1000:100 0; EOF"},
	{"body of whole blocks", file('0', "a", pad("x")) + head('0', "b", 0) + end, "0 a> 1000:100 512; 0 b> 1000:100 0; EOF"},
	{"body over the window", file('0', "a", strings.Repeat("x", 1<<17)) + head('0', "b", 0) + end, "0 a> 1000:100 131072; 0 b> 1000:100 0; EOF"},
	{"body full of headers", file('0', "a", head('0', "no", 0)) + head('0', "b", 0) + end, "0 a> 1000:100 512; 0 b> 1000:100 0; EOF"},
	{"hard link, symlink", head('1', "a", 0, link("b")) + head('2', "c", 0, link("/d")) + end, "1 a>b 1000:100 0; 2 c>/d 1000:100 0; EOF"},
	{"link with a size has no body", head('1', "a", 5000, link("b")) + head('2', "c", 5000) + end, "1 a>b 1000:100 5000; 2 c> 1000:100 5000; EOF"},
	{"device, fifo, folder with a size", head('3', "c", 9) + head('4', "b", 9) + head('6', "f", 9) + head('5', "d", 9) + end,
		"3 c> 1000:100 9; 4 b> 1000:100 9; 6 f> 1000:100 9; 5 d> 1000:100 9; EOF"},
	{"contiguous and unknown types have a body", file('7', "a", "x") + file('Z', "b", "y") + end, "7 a> 1000:100 1; Z b> 1000:100 1; EOF"},
	{"type NUL", head(0, "a", 0) + head(0, "d/", 0) + end, "0 a> 1000:100 0; 5 d/> 1000:100 0; EOF"},
	{"type NUL, folder with a size has no body", head(0, "d/", 700) + head('0', "b", 0) + end, "5 d/> 1000:100 700; 0 b> 1000:100 0; EOF"},
	{"a file may end in a slash", head('0', "d/", 0) + end, "0 d/> 1000:100 0; EOF"},
	{"v7", head(0, "a", 0, v7) + head('5', "d", 0, v7) + end, "0 a> 1000:100 0; 5 d> 1000:100 0; EOF"},
	{"v7 has no prefix", head('0', "a", 0, v7, prefix("p")) + end, "0 a> 1000:100 0; EOF"},
	{"ustar prefix", head('0', "a", 0, prefix("p/q")) + end, "0 p/q/a> 1000:100 0; EOF"},
	{"name and prefix without a NUL", head('0', long100, 0, prefix(long155)) + end, "0 " + long155 + "/" + long100 + "> 1000:100 0; EOF"},
	{"link without a NUL", head('2', "a", 0, link(long100)) + end, "2 a>" + long100 + " 1000:100 0; EOF"},
	{"version does not matter to ustar", head('0', "a", 0, at(263, "xx"), prefix("p")) + end, "0 p/a> 1000:100 0; EOF"},
	{"version matters to GNU", head('0', "a", 0, gnu, at(263, "00"), major("zz")) + end, "0 a> 1000:100 0; EOF"},
	{"GNU has times in place of the prefix", head('0', "a", 0, gnu, number(345, 12, 7), number(357, 12, 8)) + end, "0 a> 1000:100 0; EOF"},
	{"GNU block of Go before 1.8", head('0', "a", 0, gnu, prefix("some/prefix")) + end, "0 some/prefix/a> 1000:100 0; EOF"},
	{"GNU block with times that are neither", head('0', "a", 0, gnu, prefix("s\xfcd")) + end, "0 a> 1000:100 0; EOF"},
	{"star prefix is shorter", head('0', "a", 0, star, prefix(long155[:131]), number(476, 12, 1), number(488, 12, 1)) + end, "0 " + long155[:131] + "/a> 1000:100 0; EOF"},
	{"star times", head('0', "a", 0, star, at(476, "x")) + end, "malformed"},
	{"star times, the second", head('0', "a", 0, star, at(488, "x")) + end, "malformed"},
	{"empty name", head('0', "", 0) + end, "0 > 1000:100 0; EOF"},
	{"name that is not UTF-8", head('0', "\xff\xfe", 0) + end, "0 \xff\xfe> 1000:100 0; EOF"},
	{"wrong checksum", strings.Replace(head('0', "a", 0), "a", "b", 1) + end, "malformed"},
	{"signed checksum", signed(head('0', "\xff\xfea", 0)) + end, "0 \xff\xfea> 1000:100 0; EOF"},
	{"empty checksum", string(head('0', "a", 0)[:148]) + "        " + head('0', "a", 0)[156:] + end, "malformed"},
	{"text", strings.Repeat(`{"schemaVersion":2,"layers":[]}`, 40), "malformed"},
}

// signed puts a checksum of signed bytes in.
func signed(s string) string {
	n := int64(8 * ' ')
	for i := range len(s) {
		if i < 148 || i >= 156 {
			n += int64(int8(s[i]))
		}
	}
	return s[:148] + fmt.Sprintf("%06o\x00 ", n) + s[156:]
}

var cutRules = []rule{
	{"in a header", head('0', "a", 0) + head('0', "b", 0)[:100], "0 a> 1000:100 0; cut"},
	{"in the first header", head('0', "a", 0)[:511], "cut"},
	{"in the second block of zeros", head('0', "a", 0) + end[:513], "0 a> 1000:100 0; cut"},
	{"in a body", head('0', "a", 10) + "12345", "0 a> 1000:100 10; cut"},
	{"before a body", head('0', "a", 10), "0 a> 1000:100 10; cut"},
	{"in a body over the window", head('0', "a", 1<<20) + strings.Repeat("x", 1<<20-1), "0 a> 1000:100 1048576; cut"},
	{"one byte before the end of a section's body", head('0', "a", 512) + end[:511], "0 a> 1000:100 512; cut"},
	{"in the padding", head('0', "a", 10) + "1234567890\x00", "0 a> 1000:100 10; EOF"},
	{"before the padding", head('0', "a", 10) + "1234567890", "0 a> 1000:100 10; EOF"},
	{"in a PAX body", head('x', "x", 10) + "12345", "cut"},
	{"in the padding of a PAX body", head('x', "x", 9) + "9 uid=00\n", "EOF"},
	{"after a PAX header", extended('x', "uid", "0"), "EOF"},
	{"in a long name", head('L', "L", 10) + "12345", "cut"},
	{"in the map of an old sparse file", oldSparse("s", 0, 0, "", true) + "123", "cut"},
	{"before the map of an old sparse file", oldSparse("s", 0, 0, "", true), "cut"},
	{"in the map of a sparse file 1.0", extended('x', "GNU.sparse.major", "1", "GNU.sparse.minor", "0") + head('0', "s", 512) + "1\n", "cut"},
}
