package idmap

import (
	"bytes"
	"testing"

	"gotest.tools/v3/assert"
)

func TestParse(t *testing.T) {
	data := "\n# who\nalice:100000:65536\r\n  dockremap:165536:65536  \nfoo:bar\na:b:c\n" +
		"x:1:y\n:1:2\nn:-1:5\nz:1:0\nbig:4294967000:65536\ntop:4294901759:65536\nnoeol:1:1 # no"
	lines, err := Parse(File{Path: "/etc/subuid", Data: []byte(data)})
	assert.NilError(t, err)
	assert.DeepEqual(t, lines, []Line{
		{Number: 3, Raw: "alice:100000:65536", Owner: "alice", Start: 100000, Count: 65536},
		{Number: 4, Raw: "  dockremap:165536:65536  ", Owner: "dockremap", Start: 165536, Count: 65536},
		{Number: 5, Raw: "foo:bar", Owner: "foo", Problem: "it is not of the form login:start:count (fields: 2)"},
		{Number: 6, Raw: "a:b:c", Owner: "a", Problem: `its start "b" is not a number`},
		{Number: 7, Raw: "x:1:y", Owner: "x", Start: 1, Problem: `its count "y" is not a number`},
		{Number: 8, Raw: ":1:2", Start: 1, Count: 2, Problem: "it names no login or UID"},
		{Number: 9, Raw: "n:-1:5", Owner: "n", Start: -1, Count: 5, Problem: "its start is negative"},
		{Number: 10, Raw: "z:1:0", Owner: "z", Start: 1, Problem: "its count is not more than 0"},
		{Number: 11, Raw: "big:4294967000:65536", Owner: "big", Start: 4294967000, Count: 65536, Problem: "it reaches past 4294967294, the last ID there is"},
		{Number: 12, Raw: "top:4294901759:65536", Owner: "top", Start: 4294901759, Count: 65536},
		{Number: 13, Raw: "noeol:1:1 # no", Owner: "noeol", Start: 1, Problem: `its count "1 # no" is not a number`},
	})
}

func TestParseTooLarge(t *testing.T) {
	f := File{Path: "/etc/subuid", Data: bytes.Repeat([]byte("a:1:1\n"), MaxFile/6+1)}
	_, err := Parse(f)
	assert.ErrorIs(t, err, ErrTooLarge)
	_, err = Read(Engine20, f, "a", 1)
	assert.ErrorIs(t, err, ErrTooLarge)
}

func TestLineFor(t *testing.T) {
	assert.Assert(t, Line{Owner: "dockremap"}.For("dockremap", 999))
	assert.Assert(t, Line{Owner: "999"}.For("dockremap", 999))
	assert.Assert(t, !Line{Owner: "0999"}.For("dockremap", 999))
	assert.DeepEqual(t, Line{Start: 5, Count: 6, Problem: "x"}.Range("r"), Range{Reason: "r"})
	assert.DeepEqual(t, Line{Start: 5, Count: 6}.Range("r"), Range{Start: 5, Size: 6, Reason: "r"})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("dockremap:100000:65536\n"))
	f.Add([]byte("a:9223372036854775807:9223372036854775807\n:::\n\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lines, _ := Parse(File{Path: "/etc/subuid", Data: data})
		for _, l := range lines {
			r := l.Range("")
			if l.Problem == "" && (r.Start < 0 || r.Size <= 0 || r.end() > maxID) {
				t.Fatalf("%+v is no range of IDs", l)
			}
		}
	})
}
