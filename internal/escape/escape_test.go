package escape

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "",
		"app/index.js":            "app/index.js",
		"naïve/日本":                "naïve/日本",
		"a\x1b[31m\x07\x7f\b":     `a\x1b[31m\x07\x7f\x08`,
		"a\nb\tc\rd":              `a\nb\tc\rd`,
		"caf\xe9":                 `caf\xe9`,
		"\u202egpj.exe":           `\u202egpj.exe`,
		"\u009b31m":               `\u009b31m`,
		"\u200b\ufeff\u2028":      `\u200b\ufeff\u2028`,
		"\ufffd":                  `\ufffd`,
		"\U000e0041":              `\U000e0041`,
		"a\u034fb\u3164c\ufe0f":   `a\u034fb\u3164c\ufe0f`, // marks and letters without a width
		"\u00a0\u2003\u3000":      `\u00a0\u2003\u3000`,    // blanks that are not the blank
		`a\nb`:                    `a\nb`,
		"::error file=a::b":       `\x3a:error file=a::b`,
		"  ::add-mask::b":         `  \x3a:add-mask::b`,
		"a ::error::b":            "a ::error::b",
		"::1":                     "::1",
		"[::]:5432":               "[::]:5432",
		"Foo::Bar.3pm":            "Foo::Bar.3pm",
		"a##[error]b":             `a#\x23[error]b`,
		"###[set-output name=a]b": `##\x23[set-output name=a]b`,
		"##vso[a]##teamcity[b]":   `#\x23vso[a]#\x23teamcity[b]`,
		"# a ## b ##c [d]":        "# a ## b ##c [d]",
		strings.Repeat("é", 9000): strings.Repeat("é", 8192) + "... (1616 more bytes)",
	} {
		assert.Equal(t, Line(in), want)
		assert.Equal(t, Safe(in), want == in, "%q", in)
	}
	assert.Assert(t, len(Line("x"+strings.Repeat("日", 9000))) < MaxLine+40)
}

func TestMarkdown(t *testing.T) {
	assert.Equal(t, Markdown("a|b*c`d\n# [x](http://x) <img> &amp; ~x~"), "a\\|b\\*c\\`d\\\\n\\# \\[x\\](http://x) \\<img\\> \\&amp; \\~x\\~")
	assert.Equal(t, Markdown("- [x] proven"), `\- \[x\] proven`)
	assert.Equal(t, Markdown("a-b"), "a-b")
}

func TestSARIF(t *testing.T) {
	assert.Equal(t, SARIF("see [this](https://x)\u202e {} [a]"), `see [this] (https://x)\u202e {} [a]`)
}

// A line of JSON has nothing that a terminal obeys, and every value as it was.
func TestJSON(t *testing.T) {
	for _, value := range []string{"h\x1b[2J\u009b31m\u202e\u200b\b\r\n\u3164\u2028", "<&>", "日本", "\U0001f600\U000e0041", "a\x7f\u0080\u009f", "###[error]"} {
		var b bytes.Buffer
		assert.NilError(t, JSON(&b, map[string]string{"v": value}))
		assert.Assert(t, !strings.ContainsFunc(strings.TrimSuffix(b.String(), "\n"), hidden), "%q", b.String())
		assert.Assert(t, !strings.Contains(b.String(), "##"), "%q", b.String())
		var back map[string]string
		assert.NilError(t, json.Unmarshal(b.Bytes(), &back))
		assert.Equal(t, back["v"], value)
	}
	var b bytes.Buffer
	assert.NilError(t, JSON(&b, "a<b\u009bc\U000e0041日"))
	assert.Equal(t, b.String(), `"a<b\u009bc\udb40\udc41日"`+"\n")
}

// What comes from outside stays on one line; lines of ours stay lines.
func TestError(t *testing.T) {
	engine := errors.New("no such image\n[8/8] Disarm\nuserns-remap is on.\n")
	joined := errors.Join(engine, errors.New("second"))
	for _, tc := range []struct {
		err  error
		want string
	}{
		{engine, `no such image\n[8/8] Disarm\nuserns-remap is on.`},
		{fmt.Errorf("asking: %w", engine), `asking: no such image\n[8/8] Disarm\nuserns-remap is on.`},
		{joined, `no such image\n[8/8] Disarm\nuserns-remap is on.` + "\nsecond"},
		{fmt.Errorf("x: %w", joined), `x: no such image\n[8/8] Disarm\nuserns-remap is on.\n` + `\nsecond`},
		{fmt.Errorf("%w: %w", engine, engine), `no such image\n[8/8] Disarm\nuserns-remap is on.\n: no such image\n[8/8] Disarm\nuserns-remap is on.`},
		{&LinesError{Lines: []string{"one", "two\nthree"}}, "one\n" + `two\nthree`},
		{errors.Join(nil, &LinesError{Lines: []string{"", "one"}, Of: engine}), "\none"},
	} {
		assert.Equal(t, Error(tc.err), tc.want)
	}
	assert.ErrorIs(t, &LinesError{Of: engine}, engine)
}

func TestValues(t *testing.T) {
	type inner struct {
		Name string
		IDs  []int64
		Own  string `json:"-"`
		none string
	}
	v := struct {
		Title  string
		Names  []string
		Inner  []inner
		Absent []string
	}{"a\n", []string{"b\x1b"}, []inner{{"c\u202e", []int64{1}, "own", "d\n"}}, nil}
	got := Values(v)
	assert.Equal(t, got.Title, `a\n`)
	assert.DeepEqual(t, got.Names, []string{`b\x1b`})
	assert.Equal(t, got.Inner[0].Name, `c\u202e`)
	assert.Equal(t, got.Inner[0].Own, "", "the JSON does not have it")
	assert.Equal(t, got.Inner[0].none, "d\n")
	assert.Assert(t, got.Absent == nil)
	assert.Equal(t, v.Names[0], "b\x1b", "the value itself was changed")
}
