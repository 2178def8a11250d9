package daemonjson

import (
	"bytes"
	"testing"

	"gotest.tools/v3/assert"
)

func TestParseErrors(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"line comment", "{\n  // remap\n  \"a\": 1\n}", `line 2, column 3: invalid character '/' looking for beginning of object key string; JSON has no comments, and docker does not read them`},
		{"hash comment", "{\"a\": 1}\n# end\n", `line 2, column 1: invalid character '#' after top-level value; JSON has no comments, and docker does not read them`},
		{"trailing comma", "{\n  \"a\": 1,\n}", "line 3, column 1: invalid character '}' looking for beginning of object key string"},
		{"trailing garbage", "{} {}", "line 1, column 4: invalid character '{' after top-level value"},
		{"cut off", "{\"a\": [1,", "line 1, column 9: unexpected end of JSON input"},
		{"array", " []", "line 1, column 2: the file holds an array, not an object in braces"},
		{"string", `"x"`, "line 1, column 1: the file holds a string, not an object in braces"},
		{"null", "\nnull", "line 2, column 1: the file holds null, not an object in braces"},
		{"twice", "{\n \"a\": 1,\n \"é\": 2, \"a\": 3}", `line 3, column 10: the key "a" appears twice; the last one counts, so remove the other`},
		{"twice, escaped", `{"a": 1, "\u0061": 3}`, `line 1, column 10: the key "a" appears twice; the last one counts, so remove the other`},
		{"BOM", "\xef\xbb\xbf{}", "line 1, column 1: it begins with the byte order mark of UTF-8; save it as UTF-8 without one"},
		{"UTF-16", "\xff\xfe{\x00}\x00", "line 1, column 1: it begins with the byte order mark of UTF-16LE; save it as UTF-8 without one"},
		{"not UTF-8", "{\"a\": \"\xff\"}", "line 1, column 8: it is not UTF-8 here"},
		{"tab in a string", "{\"a\": \"\t\"}", `line 1, column 8: invalid character '\t' in string literal`},
		{"NUL", "\x00", `line 1, column 1: invalid character '\x00' looking for beginning of value`},
		{"a number past all range", "{\n\"a\": [1e400]}", "line 2, column 12: the number 1e400 is out of range"},
		{"deep", "{\"a\":" + string(bytes.Repeat([]byte("["), 20000)), "line 1, column 10005: invalid character '[' exceeded max depth"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse([]byte(tc.text))
			assert.Error(t, err, tc.want)
		})
	}
	_, err := Parse(bytes.Repeat([]byte(" "), MaxFile+1))
	assert.ErrorIs(t, err, ErrTooLarge)
}

// The words are those that dockerd 20.10.24, and the configuration package of
// 28.5.2, were seen to give for the same bytes.
func TestRefusal(t *testing.T) {
	const ok = ""
	for _, tc := range []struct{ name, text, want20, want28 string }{
		{"sound", `{"debug": true}`, ok, ok},
		{"empty", "", "EOF", ok},
		{"blank", " \n", "EOF", ok},
		{"BOM", "\xef\xbb\xbf{}", "invalid character 'ï' looking for beginning of value", ok},
		{"UTF-16", "\xff\xfe{\x00}\x00", "invalid character 'ÿ' looking for beginning of value", ok},
		{"UTF-16BE", "\xfe\xff\x00{\x00}", "invalid character 'þ' looking for beginning of value", ok},
		{"comment", "{ // x\n}", "invalid character '/' looking for beginning of object key string", "invalid character '/' looking for beginning of object key string"},
		{"garbage after it", "{} x", ok, "invalid character 'x' after top-level value"},
		{"array", "[]", "json: cannot unmarshal array into Go value of type map[string]interface {}", "json: cannot unmarshal array into Go value of type map[string]interface {}"},
		{"null", "null", ok, ok},
		{"twice", `{"debug": true, "debug": false}`, ok, ok},
		{"not UTF-8", "{\"labels\": [\"a=\xff\"]}", ok, "encoding: invalid UTF-8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for major, want := range map[int]string{20: tc.want20, 28: tc.want28} {
				err := Refusal(major, []byte(tc.text))
				if want == ok {
					assert.NilError(t, err)
				} else {
					assert.Error(t, err, want)
				}
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("{\"a\": 1}"))
	f.Add([]byte("\xff\xfe{\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := Parse(text)
		for _, major := range []int{20, 28} {
			refusal := Refusal(major, text)
			if err == nil && refusal != nil && len(bytes.TrimSpace(text)) > 0 {
				t.Fatalf("%q is sound here, but dockerd %d says %v", text, major, refusal)
			}
		}
	})
}
