package daemonjson

import (
	"encoding/json"
	"testing"

	"gotest.tools/v3/assert"
)

const key = "userns-remap"

func TestSet(t *testing.T) {
	for _, tc := range []struct{ name, before, after string }{
		{"no file", "", "{\n  \"userns-remap\": \"dockremap\"\n}\n"},
		{"a blank file", " \n", "{\n  \"userns-remap\": \"dockremap\"\n}\n"},
		{"empty object", "{}", `{"userns-remap": "dockremap"}`},
		{"empty object, spaced", "{ }\n", "{ \"userns-remap\": \"dockremap\" }\n"},
		{"empty object, lines", "{\n}\n", "{\n  \"userns-remap\": \"dockremap\"\n}\n"},
		{"empty object, CRLF", "{\r\n}\r\n", "{\r\n  \"userns-remap\": \"dockremap\"\r\n}\r\n"},
		{"one line", `{"debug":true}`, `{"debug":true,"userns-remap":"dockremap"}`},
		{"one line, spaced", `{"debug": true}`, `{"debug": true, "userns-remap": "dockremap"}`},
		{"tabs", "{\n\t\"debug\": true,\n\t\"n\": 12345678901234567890.10e-2\n}\n", "{\n\t\"debug\": true,\n\t\"n\": 12345678901234567890.10e-2,\n\t\"userns-remap\": \"dockremap\"\n}\n"},
		{"no newline at the end", "{\n    \"debug\": true\n}", "{\n    \"debug\": true,\n    \"userns-remap\": \"dockremap\"\n}"},
		{"CRLF", "{\r\n  \"a\": {\r\n    \"b\": [1]\r\n  }\r\n}\r\n", "{\r\n  \"a\": {\r\n    \"b\": [1]\r\n  },\r\n  \"userns-remap\": \"dockremap\"\r\n}\r\n"},
		{"commas first", "{ \"a\": 1\n, \"b\": 2\n}\n", "{ \"a\": 1\n, \"b\": 2\n, \"userns-remap\": \"dockremap\"\n}\n"},
		{"commas and quotes in a value", `{"a": "},\"{", "b" : ","}`, `{"a": "},\"{", "b" : ",", "userns-remap" : "dockremap"}`},
		{"there already", "{\n \"userns-remap\":\n  {\"x\": 1},\n \"z\": 1\n}", "{\n \"userns-remap\":\n  \"dockremap\",\n \"z\": 1\n}"},
		{"an escaped key is the same key", `{"userns\u002dremap": ""}`, `{"userns\u002dremap": "dockremap"}`},
		{"another's letters", `{"Userns-Remap": ""}`, `{"Userns-Remap": "", "userns-remap": "dockremap"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, err := Parse([]byte(tc.before))
			assert.NilError(t, err)
			assert.Equal(t, string(d.Set(key, "dockremap")), tc.after)
			assert.Equal(t, string(d.text), tc.before)
		})
	}
}

func TestRemove(t *testing.T) {
	for _, tc := range []struct{ name, before, after string }{
		{"missing", "{\"a\":1}\n", "{\"a\":1}\n"},
		{"no file", "", ""},
		{"the only one", "{\n  \"userns-remap\": \"x\"\n}\n", "{\n}\n"},
		{"first", "{\n  \"userns-remap\": \"x\",\n  \"a\": 1\n}\n", "{\n  \"a\": 1\n}\n"},
		{"in the middle", `{"a": 1, "userns-remap": "x", "b": 2}`, `{"a": 1, "b": 2}`},
		{"last", "{\n\t\"a\": 1,\n\t\"userns-remap\": \"x\"\n}", "{\n\t\"a\": 1\n}"},
		{"any value", `{"a": 1, "userns-remap": {"userns-remap": [",", {}]}}`, `{"a": 1}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, err := Parse([]byte(tc.before))
			assert.NilError(t, err)
			assert.Equal(t, string(d.Remove(key)), tc.after)
		})
	}
}

func TestGet(t *testing.T) {
	d, err := Parse([]byte(`{"a": 123456789012345678901234567890.0E1, "userns-remap": "x<y", "b": null, "c": "\ud83d"}`))
	assert.NilError(t, err)
	assert.DeepEqual(t, d.Keys(), []string{"a", "userns-remap", "b", "c"})
	raw, ok := d.Get("a")
	assert.Assert(t, ok)
	assert.Equal(t, string(raw), "123456789012345678901234567890.0E1")
	s, ok := d.String(key)
	assert.Assert(t, ok)
	assert.Equal(t, s, "x<y")
	for _, other := range []string{"a", "b", "nothing"} {
		_, ok := d.String(other)
		assert.Assert(t, !ok, other)
	}
	_, ok = d.Get("A")
	assert.Assert(t, !ok)
}

func TestSetQuotes(t *testing.T) {
	const value = "a\"<b>\n\x00\u2028é"
	d, _ := Parse(nil)
	d, err := Parse(d.Set("k\t", value))
	assert.NilError(t, err)
	got, ok := d.String("k\t")
	assert.Assert(t, ok)
	assert.Equal(t, got, value)
}

// Set and Remove restore the text from before; Set leaves every other value's
// bytes, and means what encoding/json says it means.
func FuzzEdit(f *testing.F) {
	for _, s := range []string{"{}", "{\r\n}\r\n", `{"a":1,"b":{"c":[1,2,{"d":","}]}}`, "{ \"a\": 1\n, \"b\": \"\\\"}\"\n}\n", " \t{\"\":\"\"} "} {
		f.Add([]byte(s), "dockremap")
	}
	f.Fuzz(func(t *testing.T, text []byte, value string) {
		d, err := Parse(text)
		if err != nil {
			return
		}
		after, err := Parse(d.Set(key, value))
		assert.NilError(t, err)
		if _, there := d.Get(key); !there && d.open > 0 {
			assert.Equal(t, string(after.Remove(key)), string(text))
		}
		for _, k := range d.Keys() {
			if k != key {
				was, _ := d.Get(k)
				is, _ := after.Get(k)
				assert.Equal(t, string(is), string(was))
			}
		}
		assert.DeepEqual(t, decoded(t, after.text), with(t, d, value))
		_ = decoded(t, append([]byte(" "), after.Remove(key)...))
	})
}

func decoded(t *testing.T, text []byte) map[string]json.RawMessage {
	t.Helper()
	var m map[string]json.RawMessage
	assert.NilError(t, json.Unmarshal(text, &m))
	return m
}

func with(t *testing.T, d Doc, value string) map[string]json.RawMessage {
	t.Helper()
	m := map[string]json.RawMessage{}
	if d.open > 0 {
		m = decoded(t, d.text)
	}
	m[key] = json.RawMessage(quote(value))
	return m
}
