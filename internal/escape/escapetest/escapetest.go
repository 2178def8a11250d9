// Package escapetest holds what prints to the promise that text from outside cannot
// move, hide or forge a line.
package escapetest

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/docker-userns/docker-userns/internal/escape"
)

// Hostile is a text that tries all that text from outside can try.
const Hostile = "::stop-commands::##[add-mask]h##vso[task.prependpath]\x1b[2J\x1b]0;x\x07\u009b31m\u202e\u2066\u200b\ufeff\b\b\r\nFORGED\tline\x7f\u2028\u3164](http://x)|`<b>"

// Long is Hostile, and more than is shown on a line.
var Long = Hostile + strings.Repeat("x", 2*escape.MaxLine)

// Fill sets every string in what v points to, unless it is of a type of words of
// our own, and gives every slice two elements. Numbers are 1.
func Fill(v any, text string) { fill(reflect.ValueOf(v).Elem(), text, 0) }

func fill(v reflect.Value, text string, depth int) {
	if depth > 12 || !v.CanSet() {
		return
	}
	switch v.Kind() {
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() {
			v.SetString(text)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), text, depth+1)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), text, depth+1)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text, depth+1)
	case reflect.Int, reflect.Int64, reflect.Int32:
		v.SetInt(1)
	}
}

// ours are the escape sequences of style and progress.
var ours = regexp.MustCompile(`\x1b\[([0-9]+m|K)|\r\x1b\[K`)

// Harmless holds that nothing of Hostile reached a terminal as it is, and that it is
// there at all.
func Harmless(t *testing.T, what, text string) {
	t.Helper()
	if !strings.Contains(text, "FORGED") {
		t.Errorf("%s: the text is not shown at all: %.300q", what, text)
	}
	for line := range strings.Lines(ours.ReplaceAllString(text, "")) {
		line = strings.TrimSuffix(line, "\n")
		if head := strings.TrimSpace(line); strings.HasPrefix(head, "FORGED") || strings.HasPrefix(head, "::stop-commands::") {
			t.Errorf("%s: a line is forged: %.300q", what, line)
		}
		if strings.Contains(line, "##[") || strings.Contains(line, "##vso[") {
			t.Errorf("%s: the log of a CI job would obey this: %.300q", what, line)
		}
		if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) || r == '\u3164' }); i >= 0 {
			t.Errorf("%s: a terminal would obey this: %.300q", what, line[i:])
		}
	}
}
